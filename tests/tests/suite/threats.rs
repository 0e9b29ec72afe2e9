//! The page of threats says which tests show what it says: they have to be there.

use std::fs;

use skreaver_tests::root;

const PAGE: &str = include_str!("../../../docs/threat-model.md");

/// The tests that a page names, each as `FILE::NAME`.
fn named(page: &str) -> impl Iterator<Item = (&str, &str)> {
    page.split('`').skip(1).step_by(2).filter_map(|code| code.split_once(".rs::"))
}

/// Whether a file has a test of this name, or lists it for a harness of its own.
fn has_test(source: &str, name: &str) -> bool {
    let in_list = source.contains(&format!("\"{name}\""));
    let function = format!("fn {name}(");
    in_list
        || source.find(&function).is_some_and(|place| {
            let before: Vec<_> = source[..place].lines().rev().take(8).collect();
            before
                .iter()
                .take_while(|line| !line.starts_with('}'))
                .any(|line| line.contains("#[test]") || line.contains("#[tokio::test"))
        })
}

#[test]
fn every_test_that_the_page_of_threats_names_is_there() {
    let missing: Vec<_> = named(PAGE)
        .filter(|(file, name)| {
            let source = fs::read_to_string(root().join(format!("{file}.rs"))).unwrap_or_default();
            !has_test(&source, name)
        })
        .collect();
    assert_eq!(missing, [], "docs/threat-model.md names tests that are not there");
    assert!(named(PAGE).count() > 60);
}

#[test]
fn every_row_of_the_page_names_a_test_or_says_why_not() {
    let rows =
        PAGE.lines().filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 2 && !line.contains("shown by"));
    for row in rows {
        assert!(row.contains(".rs::") || row.contains("--- |") || row.contains("none: "), "{row}");
    }
}

#[test]
fn a_name_that_is_no_test_is_not_taken_for_one() {
    let source = "fn helper() {\n}\n\n#[test]\nfn claim() {\n}\n\nfn later() {\n}\n";
    assert!(has_test(source, "claim"));
    assert!(!has_test(source, "helper") && !has_test(source, "later") && !has_test(source, "clai"));
}
