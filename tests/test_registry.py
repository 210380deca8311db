"""The registry is the only place where a string becomes code."""

from __future__ import annotations

import sys
import types

import pytest

from pellucid import registry
from pellucid.errors import PellucidError, UnknownNameError
from pellucid.registry import Registry


@pytest.fixture
def tools():
    sys.modules["pellucid_test_home"] = types.ModuleType("pellucid_test_home")
    yield Registry("tool", "pellucid_test_home")
    del sys.modules["pellucid_test_home"]


def test_one_factory_can_stand_under_several_names_with_settings(tools):
    @tools.register("long", size=9)
    @tools.register("short")
    def make(size=1):
        return size

    assert tools.names() == ["short", "long"]
    assert tools.create("short") == 1
    assert tools.create("long") == 9
    assert tools.create("long", size=4) == 4, "a bound setting can still be set otherwise"


def test_a_name_is_given_once(tools):
    tools.register("a")(int)
    with pytest.raises(ValueError, match="registered twice"):
        tools.register("a")(float)


def test_an_unknown_name_brings_near_ones(tools):
    tools.register("attention")(int)
    with pytest.raises(UnknownNameError, match="did you mean attention"):
        tools.create("atention")


def test_an_unknown_name_without_a_near_one_brings_the_command_that_lists_them(tools):
    for i in range(50):
        tools.register(f"attention_{i}")(int)
    with pytest.raises(UnknownNameError, match="`pellucid list") as caught:
        tools.create("zzz")
    assert "attention" not in str(caught.value)


def test_settings_that_do_not_fit_are_the_users_mistake(tools):
    tools.register("a")(lambda size: size)
    with pytest.raises(PellucidError, match="does not take these settings"):
        tools.create("a", colour="red")


def test_another_package_adds_its_own_by_entry_point(tools, monkeypatch):
    class Point:
        name = "theirs"

        def load(self):
            return lambda: "made elsewhere"

    monkeypatch.setattr(registry, "entry_points", lambda group: [Point()] if group == "pellucid.tools" else [])
    assert tools.create("theirs") == "made elsewhere"
    assert "theirs" in tools


@pytest.mark.parametrize("kind", ["datasets", "predictors", "explainers", "metrics", "objectives"])
def test_every_kind_has_something_built_in(kind):
    assert getattr(registry, kind).names()


def test_a_family_makes_whatever_is_named_behind_its_colon(tools):
    @tools.register_family("theirs")
    def make(member, size=1):
        return member, size

    assert tools.create("theirs:Hammer") == ("Hammer", 1)
    assert tools.create("theirs:Hammer", size=3) == ("Hammer", 3)
    assert "theirs:Saw" in tools
    assert tools.names() == []
    with pytest.raises(UnknownNameError, match="'ours:Saw'"):
        tools.create("ours:Saw")
    with pytest.raises(ValueError, match="registered twice"):
        tools.register_family("theirs")(make)


def test_a_factory_with_settings_still_states_the_facts_of_what_it_makes(tools):
    @tools.register("long", size=9)
    class Tool:
        weight = "heavy"

        def __init__(self, size=1):
            self.size = size

    assert tools.factory("long").weight == "heavy"
    with pytest.raises(AttributeError):
        _ = tools.factory("long").price
