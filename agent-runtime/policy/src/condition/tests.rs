use std::collections::BTreeMap;

use cel::{Context, Program};
use proptest::prelude::*;
use serde_json::{Value, json};
use skreaver_protocol::Caller;
use skreaver_protocol::policy::AgentFacts;

use super::{Condition, Facts, Undecided};

fn facts<'a>(arguments: &'a Value, agent: &'a AgentFacts) -> Facts<'a> {
    Facts {
        arguments,
        agent: ("amber", Some(agent)),
        session: Some("talk"),
        caller: &Caller::Anonymous,
        tool: "send_mail",
        taint: Some(&["search"]),
    }
}

fn asked(text: &str, arguments: &Value) -> Result<bool, Undecided> {
    let labels = BTreeMap::from([("tier".to_owned(), "internal".to_owned())]);
    let agent = AgentFacts { namespace: "quarry".into(), labels };
    Condition::compile(text).unwrap_or_else(|unfit| panic!("{text}: {unfit:?}")).holds(&facts(arguments, &agent))
}

#[test]
fn conditions_see_the_call() {
    let arguments =
        json!({"to": "a@example.com", "amount": 7, "rate": 0.5, "tags": ["x", "y"], "user": {"name": "Ann"}, "none": null});
    for (text, expected) in [
        ("args.to.endsWith('@example.com')", true),
        ("args.amount <= 100 && args.amount > 6", true),
        ("args.amount == 7.0 && args.rate < 1", true),
        ("'x' in args.tags && !('z' in args.tags)", true),
        ("args.tags.all(tag, tag.size() == 1)", true),
        ("args.tags.exists(tag, tag == 'y')", true),
        ("args.tags.exists_one(tag, tag == 'y')", true),
        ("args.tags.filter(tag, tag != 'x').size() == 1", true),
        ("args.tags.map(tag, tag + '!') == ['x!', 'y!']", true),
        ("args.tags[1] == 'y' && args['to'].contains('@')", true),
        ("has(args.user.name) && !has(args.user.age)", true),
        ("args.to.matches('^[a-z]+@(example|test)[.]com$')", true),
        ("args.none == null", true),
        ("args.amount == '7'", false),
        ("args.amount in [7.0] && 7.0 == args.amount && args.amount < 7.5 && args.amount > 6.5", true),
        ("agent.name == 'amber' && agent.namespace == 'quarry' && agent.labels.tier == 'internal'", true),
        ("agent.labels['tier'] in ['internal', 'edge'] && 'tier' in agent.labels", true),
        ("session == 'talk' && tool.startsWith('send_') && caller.type == 'anonymous'", true),
        ("caller.name == '' && caller.groups == [] && !('staff' in caller.groups)", true),
        ("taint == ['search'] && taint.size() > 0 && 'search' in taint", true),
        ("(args.amount > 5 ? 'many' : 'few') == 'many'", true),
        ("int('12') + args.amount * 2 - 1 == 25 && 7 % 4 == 3 && string(1) == '1'", true),
        ("args.exists(key, key == 'amount')", true),
        ("size('é') == 1", true),
        // One side settles it, whatever the other cannot.
        ("args.missing == 1 || true", true),
        ("false && args.missing == 1", false),
        ("args.missing == 1 && false", false),
        ("args.tags.all(tag, tag == args.missing) || args.tags.exists(tag, tag == 'y')", true),
    ] {
        assert_eq!(asked(text, &arguments), Ok(expected), "{text}");
    }
}

#[test]
fn conditions_see_who_asks() {
    let account = Caller::ServiceAccount { issuer: "https://k".into(), namespace: "quarry".into(), name: "chalk".into() };
    let ann = Caller::User {
        issuer: "https://i".into(),
        subject: "7".into(),
        name: "corp:ann".into(),
        groups: vec!["staff".into(), "night".into()],
    };
    let key = Caller::ApiKey { name: "nightly".into() };
    for (caller, text, expected) in [
        (&account, "caller.type == 'service_account' && caller.name == 'system:serviceaccount:quarry:chalk'", true),
        (&account, "'system:serviceaccounts:quarry' in caller.groups && 'system:authenticated' in caller.groups", true),
        (&ann, "caller.type == 'user' && caller.name.startsWith('corp:') && 'staff' in caller.groups", true),
        (&ann, "caller.groups.exists(group, group == 'night') && caller.groups.size() == 3", true),
        (&ann, "'system:serviceaccounts' in caller.groups", false),
        (&key, "caller.type == 'api_key' && caller.name == 'nightly' && has(caller.groups)", true),
    ] {
        let (arguments, agent) = (json!({}), AgentFacts::default());
        let facts = Facts { caller, ..facts(&arguments, &agent) };
        assert_eq!(Condition::compile(text).unwrap().holds(&facts), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_neither_true_nor_false_is_undecided() {
    let arguments = json!({"amount": 7, "name": "Ann", "tags": ["x", 1], "big": u64::MAX});
    for (text, why) in [
        ("args.missing == 1", "there is no `missing`"),
        ("args.missing == 1 || false", "there is no `missing`"),
        ("args.name.first == 'A'", "`first` is asked of what has no fields"),
        ("!has(args.name.first)", "`first` is asked of what has no fields"),
        ("args.name < 3", "have no order"),
        ("args.name", "neither true nor false"),
        ("args.tags[2] == 'x'", "no item 2"),
        ("args.tags.exists(tag, tag.startsWith('y'))", "does not take"),
        ("args.amount / 0 == 1", "divided by zero"),
        ("args.big + 1 > 0", "too large"),
        ("args.amount + args.name == 'x'", "do not go together"),
        ("agent.labels.gone == 'x'", "there is no `gone`"),
        ("1 in args.name", "holds nothing"),
    ] {
        let undecided = asked(text, &arguments).expect_err(text);
        assert!(undecided.0.contains(why), "{text}: {undecided:?}");
    }
}

#[test]
fn nothing_is_taken_for_known_that_is_not() {
    let (arguments, agent) = (json!({}), AgentFacts::default());
    let unknown = Facts { agent: ("amber", None), taint: None, ..facts(&arguments, &agent) };
    for text in ["taint.size() == 0", "agent.namespace == ''", "!has(agent.labels.tier)"] {
        assert!(Condition::compile(text).unwrap().holds(&unknown).is_err(), "{text}");
    }
}

#[test]
fn what_can_be_seen_to_be_wrong_is_refused_with_its_line() {
    for (text, line, told) in [
        ("args.a ==", 1, "not CEL"),
        ("args.a == 1 &&\n  arguments.b == 2", 2, "no variable `arguments`; there are args, agent"),
        ("args.a == 1 &&\n\n  args.b.lower() == 'x'", 3, "no function `lower`; there are size"),
        ("agent == 'amber'", 1, "write agent.name"),
        ("agent.labls.tier == 'x'", 1, "no `agent.labls`"),
        ("caller.token == 'x'", 1, "no `caller.token`; there is caller.type, caller.name and caller.groups"),
        ("caller == 'x'", 1, "write caller.type, caller.name or caller.groups"),
        ("caller.groups == 'x'", 1, "between a list and a text"),
        ("tool", 1, "this is a text, and a condition is true or false"),
        ("args.a + 1", 1, "this is a number"),
        ("tool == 1", 1, "`==` between a text and a number"),
        ("tool < 1", 1, "never alike"),
        ("tool && args.a", 1, "`&&`: a text is neither true nor false"),
        ("!tool", 1, "neither true nor false"),
        ("tool.name == 'x'", 1, "`name`: a text has no fields"),
        ("taint > 1", 1, "has no order"),
        ("'x' in 1", 1, "holds nothing"),
        ("tool.matches('(')", 1, "is not a pattern"),
        ("tool.matches(args.pattern)", 1, "as a text that stands there"),
        ("tool.startsWith('a', 'b')", 1, "takes 2 arguments"),
        ("{'a': 1} == args", 1, "an object cannot be written here"),
        ("b'x' == args.a", 1, "no bytes"),
        ("1.exists(x, x == 1)", 1, ""),
        ("args.a.matches('a{1000}{1000}')", 1, "is not a pattern"),
    ] {
        let unfit = Condition::compile(text).map(drop).expect_err(text);
        assert!(unfit.line == line && unfit.message.contains(told), "{text}: {unfit:?}");
    }
}

#[test]
fn no_expression_ends_the_process_and_none_goes_on_for_ever() {
    for text in crate::stack::worst_expressions() {
        drop(Condition::compile(&text));
    }
    let many = json!({"a": vec![0; 5_000], "text": "x".repeat(4 << 20)});
    for text in [
        "args.a.all(x, args.a.all(y, args.a.all(z, x == z)))",
        "args.a.map(x, args.a).size() == 1",
        "args.a.all(x, args.text.contains('y') || true)",
    ] {
        let started = std::time::Instant::now();
        assert_eq!(asked(text, &many), Err(Undecided("it takes too long on these arguments".into())), "{text}");
        assert!(started.elapsed().as_secs() < 2, "{text}: {:?}", started.elapsed());
    }
}

/// Of what both know, the crate's own evaluator says the same.
fn peer(text: &str, arguments: &Value) -> Option<bool> {
    let mut context = Context::default();
    context.add_variable_from_value("args", peer_value(arguments));
    match Program::compile(text).unwrap().execute(&context) {
        Ok(cel::Value::Bool(value)) => Some(value),
        Ok(_) | Err(_) => None,
    }
}

/// The crate itself makes unsigned numbers of JSON, which equal no number that is written in an expression.
fn peer_value(json: &Value) -> cel::Value {
    match json {
        Value::Null => cel::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => number.as_i64().map_or_else(|| number.as_f64().unwrap().into(), cel::Value::from),
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(peer_value).collect::<Vec<_>>().into(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), peer_value(value))).collect::<std::collections::HashMap<_, _>>().into()
        }
    }
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..4).prop_map(Value::from),
        // To the crate, 1 and 1.0 are not equal; to CEL they are.
        (-2i32..3).prop_map(|whole| json!(f64::from(whole) + 0.5)),
        "[ab]{0,2}".prop_map(Value::from),
    ]
}

fn atom() -> impl Strategy<Value = String> {
    let operand = prop_oneof![
        Just("args.a".to_owned()),
        Just("args.b".to_owned()),
        Just("args.l[0]".to_owned()),
        (-3i64..4).prop_map(|number| number.to_string()),
        "[ab]{0,2}".prop_map(|text| format!("'{text}'")),
    ];
    let compared = prop_oneof![Just("=="), Just("!="), Just("<"), Just("<="), Just(">"), Just(">=")];
    prop_oneof![
        4 => ("args[.](a|b|l)", compared, operand.clone()).prop_map(|(a, how, b)| format!("{a} {how} {b}")),
        1 => operand.clone().prop_map(|a| format!("args.l.exists(x, x == {a})")),
        1 => operand.clone().prop_map(|a| format!("args.l.all(x, x != {a})")),
        1 => operand.prop_map(|a| format!("{a} in args.l")),
        1 => Just("has(args.a)".to_owned()),
        1 => Just("args.a.startsWith('a')".to_owned()),
        // Of like numbers: the crate adds unlike ones, which CEL does not.
        1 => Just("args.a + args.a == 2".to_owned()),
        1 => Just("size(args.l) > 1".to_owned()),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    atom().prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("SKREAVER_SOAK").is_some() { 20_000 } else { 300 }))]

    #[test]
    fn conditions_mean_what_the_parsers_own_evaluator_says(
        text in expression(),
        a in prop::option::of(scalar()),
        b in scalar(),
        l in prop::collection::vec(scalar(), 0..4),
    ) {
        let mut arguments = json!({"b": b, "l": l});
        if let Some(a) = a {
            arguments["a"] = a;
        }
        let expected = peer(&text, &arguments);
        let Ok(condition) = Condition::compile(&text) else {
            // Refused for what is never true: then it is not decided there either, or false.
            return Ok(());
        };
        let agent = AgentFacts::default();
        prop_assert_eq!(condition.holds(&facts(&arguments, &agent)).ok(), expected, "{} on {}", text, arguments);
    }
}
