"""GOSDT: the sparse tree of least training error on thresholds guessed by a booster, within a time limit.

The committee guides the search: the rows it gets wrong are given up for lost (`y_ref`). Leaves give a class and no
probability, so their shares of the true classes are filled in here, each moved by one row towards the mean.
"""

import contextlib
import io
import json
import time

import numpy as np
from exchange import Model, serve
from gosdt import GOSDTClassifier, ThresholdGuessBinarizer


def fit(question):
    arrays, settings = question.arrays, question.settings
    Z, y = arrays["Z"].astype(np.float64), arrays["y"]
    reference = arrays["labels"].argmax(axis=1)
    started = time.process_time()
    binarizer = ThresholdGuessBinarizer(
        n_estimators=settings["stumps"], max_depth=1, random_state=settings["seed"], column_elimination=False
    ).fit(Z, y)
    binarizing = time.process_time() - started
    thresholds, bits = binarizer.thresholds_, binarizer.transform(Z).astype(bool)
    for size in settings["sizes"]:
        search = GOSDTClassifier(
            regularization=settings["regularization"],
            depth_budget=int(np.log2(size)),
            time_limit=settings["time_limit"],
            allow_small_reg=True,
        )
        started = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            search.fit(bits, y, y_ref=reference)
        seconds = binarizing + time.process_time() - started
        result = search.get_result()
        tree = _nest(json.loads(result["models_string"])[0], thresholds, Z, y, np.bincount(y) / len(y))
        chosen = {"status": str(result["status"]).rsplit(".", 1)[-1], "thresholds": len(thresholds)}
        yield Model(str(size), _outputs(tree, arrays["Z_test"]), seconds, {"trees": [tree]}, chosen)


def _nest(node, thresholds, Z, y, prior):
    if "prediction" in node:
        counts = np.bincount(y, minlength=len(prior)) + prior
        return {"leaf_value": (counts / counts.sum()).tolist()}
    feature, threshold = thresholds[node["feature"]]
    left = Z[:, feature] <= threshold
    return {
        "split_feature": int(feature),
        "threshold": float(threshold),
        "left_child": _nest(node["true"], thresholds, Z[left], y[left], prior),
        "right_child": _nest(node["false"], thresholds, Z[~left], y[~left], prior),
    }


def _outputs(node, Z):
    if "leaf_value" in node:
        return np.tile(node["leaf_value"], (len(Z), 1))
    left = Z[:, node["split_feature"]] <= node["threshold"]
    outputs = np.empty((len(Z), 2))
    outputs[left], outputs[~left] = _outputs(node["left_child"], Z[left]), _outputs(node["right_child"], Z[~left])
    return outputs


if __name__ == "__main__":
    serve(fit)
