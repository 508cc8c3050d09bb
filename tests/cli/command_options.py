"""Options that several tests of the command line pass."""

QUICK = ["--teachers", "ridge", "--student", "tree", "--n-jobs", "1", "--quiet"]
