//! `html_to_text`: the text of a web page as its reader sees it: without scripts and styles, and without what is hidden, which is
//! where a page speaks to a model behind its reader's back.
//!
//! Only the page is read, not its style sheets: what those hide is not known here.

use std::rc::Rc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use skreaver_protocol::Builtin;

use super::html_tree::{Kind, Node, parse};
use crate::{Function, Text, ToolError};

/// Elements that show no text, or none that belongs to the page.
const UNSEEN: [&str; 14] = [
    "audio", "canvas", "datalist", "head", "iframe", "noembed", "noframes", "noscript", "object", "script", "style", "svg",
    "template", "video",
];
/// Elements that stand on lines of their own, and those of them with space around.
const BLOCKS: [&str; 26] = [
    "address",
    "article",
    "aside",
    "body",
    "caption",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "header",
    "hr",
    "html",
    "legend",
    "li",
    "main",
    "nav",
    "section",
    "summary",
    "tr",
    "option",
];
const PARAGRAPHS: [&str; 12] = ["blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"];

/// Who stands so far to the left or above is not on the page.
const OUTSIDE: f64 = -999.0;

/// See [`HtmlToTextTool`](super::HtmlToTextTool).
pub struct HtmlToText;

/// What to read.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// The HTML text.
    text: String,
    /// Whether the address of a link is kept behind it: `Home <https://example.com/>`. Default: false.
    #[serde(default)]
    links: bool,
}

impl Function for HtmlToText {
    const NAME: &'static str = Builtin::HtmlToText.name();
    const DESCRIPTION: &'static str = "Reads the text of a web page (HTML) as its reader sees it: scripts, styles and hidden text \
        are dropped, links kept where that is asked.";
    const IS_ISOLATED: bool = true;
    type Arguments = Arguments;
    type Output = String;

    fn from_text(text: &str) -> Value {
        Text::arguments(text)
    }

    fn compute(Arguments { text, links }: Arguments) -> Result<String, ToolError> {
        let document = parse(&text).map_err(ToolError::InvalidArguments)?;
        Ok(seen(document, links))
    }
}

/// What is to be done next, the last first: as deep as the page is, the stack of calls is not.
enum Step {
    Enter(Rc<Node>),
    Leave(Rc<Node>),
}

fn seen(document: Rc<Node>, links: bool) -> String {
    let mut page = Page::default();
    let mut steps = vec![Step::Enter(document)];
    while let Some(step) = steps.pop() {
        match step {
            Step::Enter(node) => match &node.kind {
                Kind::Text(text) => page.text(&text.borrow()),
                Kind::Element(..) if is_hidden(&node) => {}
                Kind::Element(..) | Kind::Document => {
                    page.enter(node.name());
                    steps.push(Step::Leave(Rc::clone(&node)));
                    steps.extend(node.children.borrow().iter().rev().cloned().map(Step::Enter));
                }
                Kind::Unseen => {}
            },
            Step::Leave(node) => {
                if let Some(address) = node.attribute("href").filter(|_| links && node.name() == "a") {
                    page.text(&format!(" <{}>", address.trim()));
                }
                page.leave(node.name());
            }
        }
    }
    page.written
}

fn is_hidden(node: &Node) -> bool {
    UNSEEN.contains(&node.name()) || node.attribute("hidden").is_some() || node.attribute("style").is_some_and(|it| hides(&it))
}

/// Whether a style of an element hides it, by one of the ways that need no other style to be known.
fn hides(style: &str) -> bool {
    let style = style.to_ascii_lowercase().replace("!important", "");
    let declared = || style.split(';').filter_map(|one| one.split_once(':')).map(|(name, value)| (name.trim(), value.trim()));
    let cuts_off = declared().any(|(name, value)| name.starts_with("overflow") && matches!(value, "hidden" | "clip"));
    declared().any(|(name, value)| match name {
        "display" => value == "none",
        "visibility" => matches!(value, "hidden" | "collapse"),
        "content-visibility" => value == "hidden",
        "color" => value == "transparent",
        "opacity" | "font-size" => number(value) == Some(0.0),
        "height" | "max-height" | "width" | "max-width" => cuts_off && number(value).is_some_and(|size| size <= 1.0),
        "left" | "right" | "top" | "bottom" | "text-indent" | "margin-left" | "margin-top" => {
            number(value).is_some_and(|place| place <= OUTSIDE)
        }
        "transform" => value.replace(' ', "").contains("scale(0)"),
        "clip-path" => value.replace(' ', "").starts_with("inset(100%"),
        _ => false,
    })
}

/// The number of a value such as `0px`.
fn number(value: &str) -> Option<f64> {
    value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%').parse().ok()
}

/// A text that is being written.
#[derive(Default)]
struct Page {
    written: String,
    /// What stands between this and the next word.
    gap: Gap,
    /// How many elements are open in which white space counts.
    verbatim: usize,
}

#[derive(Default, Clone, Copy, PartialEq, PartialOrd)]
enum Gap {
    #[default]
    Nothing,
    Space,
    Cell,
    Line,
    Paragraph,
}

impl Page {
    fn enter(&mut self, name: &str) {
        self.edge(name);
        match name {
            "br" => self.line(),
            "li" => self.word("- "),
            "pre" | "textarea" => self.verbatim += 1,
            _ => {}
        }
    }

    fn leave(&mut self, name: &str) {
        self.edge(name);
        match name {
            "td" | "th" => self.leave_gap(Gap::Cell),
            "pre" | "textarea" => self.verbatim -= 1,
            _ => {}
        }
    }

    fn edge(&mut self, name: &str) {
        if PARAGRAPHS.contains(&name) {
            self.leave_gap(Gap::Paragraph);
        } else if BLOCKS.contains(&name) {
            self.leave_gap(Gap::Line);
        }
    }

    fn leave_gap(&mut self, gap: Gap) {
        if self.gap < gap {
            self.gap = gap;
        }
    }

    /// Two line breaks are an empty line; more are none.
    fn line(&mut self) {
        self.gap = if self.gap < Gap::Line { Gap::Line } else { Gap::Paragraph };
    }

    fn text(&mut self, text: &str) {
        if self.verbatim > 0 {
            for (number, line) in text.split('\n').enumerate() {
                if number > 0 {
                    self.line();
                }
                self.word(line);
            }
            return;
        }
        if text.starts_with(char::is_whitespace) {
            self.leave_gap(Gap::Space);
        }
        for word in text.split_whitespace() {
            self.word(word);
            self.gap = Gap::Space;
        }
        if self.gap == Gap::Space && !text.ends_with(char::is_whitespace) {
            self.gap = Gap::Nothing;
        }
    }

    fn word(&mut self, word: &str) {
        if word.is_empty() {
            return;
        }
        if !self.written.is_empty() {
            self.written.push_str(match self.gap {
                Gap::Nothing => "",
                Gap::Space => " ",
                Gap::Cell => "\t",
                Gap::Line => "\n",
                Gap::Paragraph => "\n\n",
            });
        }
        self.gap = Gap::Nothing;
        self.written.extend(word.chars().filter(|c| !is_invisible(*c)));
    }
}

/// Characters that no reader sees and that can carry a text of their own, or turn the direction of what is read: tags, and
/// overrides of direction. Joiners stay, which scripts and emoji need.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
        || (c.is_control() && c != '\t')
}
