//! The pages of threats and of what A2A asks say which tests show what they say: those have to be there.

use std::fs;

use skreaver_tests::root;

/// Each page, and the least number of tests that it names.
const PAGES: [(&str, &str, usize); 2] = [
    ("docs/threat-model.md", include_str!("../../../docs/threat-model.md"), 60),
    ("docs/a2a-checklist.md", include_str!("../../../docs/a2a-checklist.md"), 40),
];

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
fn every_test_that_a_page_names_is_there() {
    for (path, page, least) in PAGES {
        let missing: Vec<_> = named(page)
            .filter(|(file, name)| {
                let source = fs::read_to_string(root().join(format!("{file}.rs"))).unwrap_or_default();
                !has_test(&source, name)
            })
            .collect();
        assert_eq!(missing, [], "{path} names tests that are not there");
        assert!(named(page).count() > least, "{path}");
    }
}

#[test]
fn every_row_of_a_page_names_a_test_or_says_why_not() {
    for (_, page, _) in PAGES {
        let rows =
            page.lines().filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 2 && !line.contains("shown by"));
        for row in rows {
            assert!(row.contains(".rs::") || row.contains("--- |") || row.contains("none: "), "{row}");
        }
    }
}

#[test]
fn a_name_that_is_no_test_is_not_taken_for_one() {
    let source = "fn helper() {\n}\n\n#[test]\nfn claim() {\n}\n\nfn later() {\n}\n";
    assert!(has_test(source, "claim"));
    assert!(!has_test(source, "helper") && !has_test(source, "later") && !has_test(source, "clai"));
}
