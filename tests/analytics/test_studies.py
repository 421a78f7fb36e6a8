"""Which indicators there are, and which parameters they take."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from talib import abstract

from tests.analytics.series import Temper, bars
from tradeapi.analytics.indicators import INDICATORS, LONGEST_PERIOD, Indicator
from tradeapi.analytics.points import compute
from tradeapi.analytics.studies import Study
from tradeapi.errors import Invalid

OF_TALIB = [indicator for indicator in INDICATORS.values() if indicator.function]


def faults(name: str, parameters: dict[str, object]) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        Study.of(name, parameters, "/source")
    return {error.pointer: error.detail for error in caught.value.errors}


def test_the_indicators() -> None:
    """Those that charts offer."""
    assert list(INDICATORS) == [
        *("sma", "ema", "wma", "rsi", "macd", "bollinger"),
        *("atr", "adx", "stochastic", "cci", "obv", "vwap"),
    ]


def of_talib(study: Study) -> Any:
    function = abstract.Function(study.indicator.function)  # type: ignore[attr-defined]
    function.parameters = {
        name: study.parameters[parameter.name]
        for parameter in study.indicator.parameters
        for name in parameter.talib
    }
    return function


@pytest.mark.parametrize("indicator", OF_TALIB, ids=lambda indicator: indicator.name)
def test_what_is_said_of_an_indicator_is_what_talib_says(indicator: Indicator) -> None:
    """Defaults, number of outputs, order of inputs, and lookback, also of other parameters."""
    function = abstract.Function(indicator.function)  # type: ignore[attr-defined]
    for parameter in indicator.parameters:
        assert {function.parameters[name] for name in parameter.talib} == {parameter.default}
    assert len(function.output_names) == len(indicator.outputs)
    assert list(indicator.inputs) == [
        name
        for names in function.input_names.values()
        for name in ([names] if isinstance(names, str) else names)
    ]
    larger = {parameter.name: parameter.default + 7 for parameter in indicator.parameters}
    for study in (Study.of(indicator.name, {}), Study.of(indicator.name, larger)):
        assert study.lookback == of_talib(study).lookback


@pytest.mark.parametrize("name", list(INDICATORS))
@pytest.mark.parametrize(
    ("end", "but"), [("minimum", {"slow": 3}), ("maximum", {"fast": LONGEST_PERIOD - 1})]
)
def test_the_bounds_can_be_computed(name: str, end: str, but: dict[str, float]) -> None:
    """What we accept TA-Lib does not refuse."""
    known = {each.name: getattr(each, end) for each in INDICATORS[name].parameters}
    study = Study.of(name, known | {each: but[each] for each in but if each in known})
    _, columns = bars(Temper.RANDOM, study.lookback + 50, 1)
    assert len(compute(study, np.arange(study.lookback + 50), columns)) == 50


def test_parameters_have_defaults() -> None:
    """All of them are in the study, in the indicator's order, given or not."""
    assert Study.of("macd", {"signal": 5}).parameters == {"fast": 12, "slow": 26, "signal": 5}
    assert Study.of("obv", {}).parameters == {}
    assert Study.of("rsi", {"period": None}) == Study.of("rsi", {"period": 14})
    assert Study.of("bollinger", {"deviations": 3}).values == (20, 3.0)


def test_a_wrong_parameter_is_named() -> None:
    """Every one of them, at its place, with what is allowed."""
    assert faults("macd", {"fast": 1, "slow": 26.5, "signal": True, "speed": 3}) == {
        "/source/params": "There is no parameter 'speed'; there are fast, slow, signal.",
        "/source/params/fast": "must be from 2 to 1000, was 1.",
        "/source/params/slow": "must be a whole number.",
        "/source/params/signal": "must be a whole number.",
    }
    assert faults("macd", {"fast": 26}) == {
        "/source/params/slow": "must be above fast (26), was 26."
    }
    assert faults("bollinger", {"deviations": float("nan")}) == {
        "/source/params/deviations": "must be from 0.001 to 50, was nan."
    }
    assert faults("bollinger", {"deviations": "2"}) == {
        "/source/params/deviations": "must be a number."
    }
    assert faults("obv", {"period": 2}) == {
        "/source/params": "There is no parameter 'period'; there are none."
    }


def test_an_unknown_indicator_is_refused_with_those_there_are() -> None:
    """However long its name is."""
    (detail,) = faults("x" * 5000, {}).values()
    assert detail.startswith("There is no indicator 'xxxxxxxxxxxxxxxxxxxx'; there are sma, ema, ")


def test_a_study_can_be_a_key() -> None:
    """Equal ones are shared."""
    assert len({Study.of("ema", {}), Study.of("ema", {"period": 30})}) == 1


def test_computing_does_not_bring_pandas() -> None:
    """TA-Lib would import it, and knowing the indicators does not even import TA-Lib."""
    program = """
import sys
import numpy as np
from tradeapi.analytics import downsampling, live_studies, points, rebasing
from tradeapi.analytics.studies import Study
assert not {"talib", "tsdownsample", "pandas"} & sys.modules.keys()
points.compute(Study.of("sma", {}), np.arange(99), {"close": np.ones(99)})
assert "talib" in sys.modules
sys.exit("pandas" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
