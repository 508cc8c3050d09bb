"""AutoGluon: teachers of its own on the raw table, distilled into single trees and small boosters.

One call distils students of all sizes; the CPU seconds of that call are shared out evenly among them. The single tree
is a random forest of one tree, without bootstrap and with all features at each split, for it is poorer with either.
Of several learning rates of a booster the one is kept that AutoGluon's own validation rows score best.
"""

import tempfile
import time

import numpy as np
from autogluon.tabular import TabularPredictor
from exchange import Model, nest, serve

_TARGET = "target of the benchmark"
_NOT_INSTALLED = ["CAT", "XGB", "FASTAI", "NN_TORCH"]


def fit(question):
    settings, y = question.settings, question.arrays["y"]
    train, test = question.table("train"), question.table("test")
    n_classes = settings["n_classes"]
    kind = "regression" if not n_classes else "binary" if n_classes == 2 else "multiclass"
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        predictor = TabularPredictor(
            label=_TARGET,
            path=folder,
            problem_type=kind,
            eval_metric="log_loss" if n_classes else "root_mean_squared_error",
            verbosity=0,
        ).fit(
            train.assign(**{_TARGET: y}),
            num_bag_folds=5,
            time_limit=settings["time_limit"],
            num_cpus=1,
            num_gpus=0,
            excluded_model_types=_NOT_INSTALLED,
        )
        fitted = time.process_time()
        names = predictor.distill(hyperparameters=_students(settings), verbosity=0)
        distilled = time.process_time()
        students = {name: predictor._trainer.load_model(name) for name in names if not name.startswith("Weighted")}
        board = predictor.leaderboard().set_index("model")["score_val"]
        teacher = {"teachers": predictor.model_best, "teachers_cpu": round(fitted - started, 1)}
        for key, name in _chosen(students, board).items():
            chosen = teacher | {"model": name}
            if "learning_rate" in students[name].params:
                chosen["learning_rate"] = students[name].params["learning_rate"]
            outputs = _outputs(predictor, test, name, n_classes)
            yield Model(key, outputs, (distilled - fitted) / len(students), _structure(students[name]), chosen)


def _students(settings):
    forest = {"n_estimators": 1, "bootstrap": False, "max_features": 1.0, "random_state": settings["seed"]}
    booster = {"num_leaves": settings["booster_leaves"]}
    return {
        "RF": [{**forest, "max_leaf_nodes": leaves} for leaves in settings["leaves"]],
        "GBM": [
            {**booster, "num_boost_round": rounds, "learning_rate": rate}
            for rounds in settings["rounds"]
            for rate in settings["learning_rates"]
        ],
    }


def _chosen(students, board):
    """The name of the best student of each kind and size."""
    best = {}
    for name, student in students.items():
        params = student.params
        rounds = params.get("num_boost_round")
        key = f"boosted-{rounds}" if rounds else f"tree-{params['max_leaf_nodes']}"
        if key not in best or board[name] > board[best[key]]:
            best[key] = name
    return best


def _outputs(predictor, test, name, n_classes):
    if not n_classes:
        return predictor.predict(test, model=name).to_numpy()[:, None]
    # It leaves out classes of too few rows.
    return predictor.predict_proba(test, model=name).reindex(columns=range(n_classes), fill_value=0.0).to_numpy()


def _structure(student):
    """Trees, and the raw column that each of their features is."""
    model = student.model
    if hasattr(model, "estimators_"):
        (tree,) = (estimator.tree_ for estimator in model.estimators_)
        trees = [nest(tree)]
    else:
        trees = [_numbered(info["tree_structure"]) for info in model.dump_model()["tree_info"]]
    return {"trees": trees, "features": list(student.features)}


def _numbered(node):
    """A node of LightGBM; a split by a set of categories has no threshold, 0 stands for the set."""
    if "split_feature" not in node:
        return {"leaf_value": node["leaf_value"]}
    by_order = node["decision_type"] == "<="
    return {
        "split_feature": node["split_feature"],
        "threshold": float(np.clip(node["threshold"], -1e38, 1e38)) if by_order else 0.0,
        "left_child": _numbered(node["left_child"]),
        "right_child": _numbered(node["right_child"]),
    }


if __name__ == "__main__":
    serve(fit)
