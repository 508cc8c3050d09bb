"""AutoGluon: teachers of its own on the raw table, distilled into single trees and small boosters.

One call distils students of all sizes; the CPU seconds of that call are shared out evenly among them. The single tree
is a random forest of one tree, without bootstrap and with all features at each split, for it is poorer with either.
Of several learning rates of a booster the one is kept that AutoGluon's own validation rows score best.

Its early stopping of a booster of more than two classes is wrong from LightGBM 4 on: the measure reshapes what was a
vector, class by class, and is now a matrix, so what it calls the loss grows as the true loss falls, and the first round
is always the best. A measure that calls the latest round the best keeps all rounds, which are few and as many as asked.
"""

import itertools
import tempfile
import time

from autogluon.core.metrics import make_scorer
from autogluon.tabular import TabularPredictor
from exchange import Model, nest, serve
from lightgbm_splits import Features, codes

_TARGET = "target of the benchmark"
_NOT_INSTALLED = ["CAT", "XGB", "FASTAI", "NN_TORCH"]
_rounds = itertools.count()


def _latest(labels, outputs):
    return next(_rounds)


_KEEP_ALL_ROUNDS = {"ag_args_fit": {"stopping_metric": make_scorer("latest", _latest, needs_proba=True)}}


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
            structure, inputs = _lowered(students[name], predictor.transform_features(test))
            yield Model(key, outputs, (distilled - fitted) / len(students), structure, chosen, inputs)


def _students(settings):
    forest = {"n_estimators": 1, "bootstrap": False, "max_features": 1.0, "random_state": settings["seed"]}
    booster = {"num_leaves": settings["booster_leaves"], **(_KEEP_ALL_ROUNDS if settings["n_classes"] > 2 else {})}
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
    shares = predictor.predict_proba(test, model=name)
    # A probability that was learnt as a number may lie outside of 0 and 1; elsewhere it keeps that far within.
    return shares.clip(1e-7, 1 - 1e-7).reindex(columns=range(n_classes), fill_value=0.0).to_numpy()


def _lowered(student, table):
    """Trees, the raw column that each of their features is made of, and the features of the test rows."""
    Z, names = student.preprocess(table), list(student.features)
    if hasattr(student.model, "estimators_"):
        (tree,) = (estimator.tree_ for estimator in student.model.estimators_)
        return {"trees": [nest(tree)], "features": names, "forest": True}, Z
    features = Features(codes(Z, student.model.pandas_categorical))
    trees = [features.nest(info["tree_structure"]) for info in student.model.dump_model()["tree_info"]]
    used = [names[column] for column, _ in features.made]
    return {"trees": trees, "features": used, "forest": False}, features.matrix()


if __name__ == "__main__":
    serve(fit)
