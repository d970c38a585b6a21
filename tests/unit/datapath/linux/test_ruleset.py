from dyetrace.datapath.linux.ruleset import Rule, parse_ruleset

LISTING = """\
table inet t { # handle 1
\tmap m { # handle 3
\t\ttype inet_service : verdict
\t}

\tset big { # handle 4
\t\ttype ipv4_addr
\t\telements = { 1.2.3.4,
\t\t\t     5.6.7.8 }
\t}

\tchain d { # handle 1
\t\tcomment "a chain's own"
\t\tip daddr 10.2.0.0/16 counter packets 0 bytes 0 drop # handle 5
\t}

\tchain c { # handle 2
\t\ttype filter hook forward priority filter; policy drop;
\t\tip saddr @big drop comment "a drop {x" # handle 6
\t\ttcp dport vmap { 22 : accept,
\t\t\t80 : drop } # handle 8
\t\tiifname "drop" accept # handle 10
\t\tip saddr @drop-list accept # handle 11
\t\tjump d # handle 12
\t\treject with icmpx admin-prohibited # handle 13
\t\tudp dport vmap @m # handle 14
\t}
}
table netdev n { # handle 3
\tchain i { # handle 1
\t\ttype filter hook ingress device "a0" priority filter; policy accept;
\t\txt target "DROP" # handle 2
\t}
}
"""


def the_rules() -> dict[tuple[str, int], Rule]:
    return {
        (chain.name, rule.handle): rule for chain in parse_ruleset(LISTING) for rule in chain.rules
    }


def test_chains_have_their_place_hook_and_policy() -> None:
    chains = [
        (chain.family, chain.table, chain.name, chain.hook, chain.policy)
        for chain in parse_ruleset(LISTING)
    ]

    assert chains == [
        ("inet", "t", "d", "", ""),
        ("inet", "t", "c", "forward", "drop"),
        ("netdev", "n", "i", "ingress", "accept"),
    ]


def test_all_rules_are_found_and_nothing_else() -> None:
    assert list(the_rules()) == [
        ("d", 5),
        ("c", 6),
        ("c", 8),
        ("c", 10),
        ("c", 11),
        ("c", 12),
        ("c", 13),
        ("c", 14),
        ("i", 2),
    ]


def test_a_comment_is_kept_apart_from_the_rule() -> None:
    rule = the_rules()["c", 6]

    assert (rule.text, rule.comment) == ("ip saddr @big drop", "a drop {x")


def test_a_rule_over_several_lines_is_one_rule() -> None:
    assert the_rules()["c", 8].text == "tcp dport vmap { 22 : accept, 80 : drop }"


def test_only_rules_that_drop_or_reject_can_drop() -> None:
    dropping = [place for place, rule in the_rules().items() if rule.can_drop]

    assert dropping == [("d", 5), ("c", 6), ("c", 8), ("c", 13), ("i", 2)]


def test_jumps_name_their_chains() -> None:
    assert the_rules()["c", 12].targets == ("d",)


def test_an_empty_ruleset_has_no_chains() -> None:
    assert parse_ruleset("") == []


def test_a_listing_cut_short_gives_what_is_whole() -> None:
    chains = parse_ruleset(LISTING[: LISTING.index("# handle 8")])

    assert [rule.handle for chain in chains for rule in chain.rules] == [5, 6]
