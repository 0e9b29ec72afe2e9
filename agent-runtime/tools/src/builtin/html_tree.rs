//! The tree of an HTML text, as browsers build it: every text is HTML, however broken.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::{Attribute, ExpandedName, ParseOpts, QualName, local_name, ns, parse_document};

/// The most elements within each other. Browsers stop at 512.
const MOST_NESTED: usize = 512;
/// So many bytes are read before it is looked how deep they went.
const STEP: usize = 4 << 10;

/// A node of the tree.
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) children: RefCell<Vec<Rc<Self>>>,
    parent: RefCell<Weak<Self>>,
    depth: Cell<usize>,
}

/// What a node is.
pub(super) enum Kind {
    /// The whole document, or what a template holds.
    Document,
    Element(QualName, RefCell<Vec<Attribute>>),
    Text(RefCell<String>),
    /// A comment or an instruction: nothing that is seen.
    Unseen,
}

/// Reads an HTML text.
///
/// # Errors
/// When it nests so deep that the work would not be in proportion to its size.
pub(super) fn parse(html: &str) -> Result<Rc<Node>, String> {
    let nameless = QualName::new(None, ns!(), local_name!(""));
    let sink = Sink { document: Node::new(Kind::Document), deepest: Cell::new(0), nameless };
    let mut parser = parse_document(sink, ParseOpts::default());
    let mut rest = html;
    while !rest.is_empty() {
        let (step, behind) = rest.split_at(rest.floor_char_boundary(STEP));
        rest = behind;
        parser.process(StrTendril::from(step));
        if parser.tokenizer.sink.sink.deepest.get() > MOST_NESTED {
            return Err(format!("the page nests deeper than {MOST_NESTED} elements"));
        }
    }
    Ok(parser.finish())
}

impl Node {
    fn new(kind: Kind) -> Rc<Self> {
        let (children, parent, depth) = (RefCell::default(), RefCell::default(), Cell::new(0));
        Rc::new(Self { kind, children, parent, depth })
    }

    /// The name of an element, in small letters.
    pub(super) fn name(&self) -> &str {
        match &self.kind {
            Kind::Element(name, _) => &name.local,
            Kind::Document | Kind::Text(_) | Kind::Unseen => "",
        }
    }

    /// An attribute of an element.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let Kind::Element(_, attributes) = &self.kind else { return None };
        attributes.borrow().iter().find(|attribute| &*attribute.name.local == name).map(|it| it.value.to_string())
    }

    fn place_in(self: &Rc<Self>, parent: &Self) -> Option<usize> {
        parent.children.borrow().iter().position(|child| Rc::ptr_eq(child, self))
    }
}

struct Sink {
    document: Rc<Node>,
    deepest: Cell<usize>,
    /// The name of what has none.
    nameless: QualName,
}

impl Sink {
    /// Puts what is new at a place among the children of a node.
    fn insert(&self, parent: &Rc<Node>, place: usize, new: NodeOrText<Rc<Node>>) {
        let mut children = parent.children.borrow_mut();
        let node = match new {
            NodeOrText::AppendNode(node) => node,
            NodeOrText::AppendText(text) => {
                if let Some(Kind::Text(before)) = place.checked_sub(1).map(|before| &children[before].kind) {
                    before.borrow_mut().push_str(&text);
                    return;
                }
                Node::new(Kind::Text(RefCell::new(text.to_string())))
            }
        };
        node.parent.replace(Rc::downgrade(parent));
        node.depth.set(parent.depth.get() + 1);
        self.deepest.set(self.deepest.get().max(node.depth.get()));
        children.insert(place, node);
    }
}

impl TreeSink for Sink {
    type Handle = Rc<Node>;
    type Output = Rc<Node>;
    type ElemName<'a> = ExpandedName<'a>;

    fn finish(self) -> Rc<Node> {
        self.document
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> Rc<Node> {
        Rc::clone(&self.document)
    }

    fn elem_name<'a>(&'a self, target: &'a Rc<Node>) -> ExpandedName<'a> {
        match &target.kind {
            Kind::Element(name, _) => name.expanded(),
            Kind::Document | Kind::Text(_) | Kind::Unseen => self.nameless.expanded(),
        }
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, _: ElementFlags) -> Rc<Node> {
        Node::new(Kind::Element(name, RefCell::new(attributes)))
    }

    fn create_comment(&self, _: StrTendril) -> Rc<Node> {
        Node::new(Kind::Unseen)
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Rc<Node> {
        Node::new(Kind::Unseen)
    }

    fn append(&self, parent: &Rc<Node>, child: NodeOrText<Rc<Node>>) {
        let end = parent.children.borrow().len();
        self.insert(parent, end, child);
    }

    fn append_based_on_parent_node(&self, element: &Rc<Node>, previous: &Rc<Node>, child: NodeOrText<Rc<Node>>) {
        let has_parent = element.parent.borrow().upgrade().is_some();
        if has_parent { self.append_before_sibling(element, child) } else { self.append(previous, child) }
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    /// Nobody sees what is in a template, so nobody keeps it.
    fn get_template_contents(&self, _: &Rc<Node>) -> Rc<Node> {
        Node::new(Kind::Document)
    }

    fn same_node(&self, x: &Rc<Node>, y: &Rc<Node>) -> bool {
        Rc::ptr_eq(x, y)
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn append_before_sibling(&self, sibling: &Rc<Node>, new: NodeOrText<Rc<Node>>) {
        if let NodeOrText::AppendNode(node) = &new {
            self.remove_from_parent(node);
        }
        let parent = sibling.parent.borrow().upgrade();
        if let Some((parent, place)) = parent.and_then(|parent| sibling.place_in(&parent).map(|place| (parent, place))) {
            self.insert(&parent, place, new);
        }
    }

    fn add_attrs_if_missing(&self, target: &Rc<Node>, new: Vec<Attribute>) {
        if let Kind::Element(_, attributes) = &target.kind {
            let mut attributes = attributes.borrow_mut();
            for attribute in new {
                if attributes.iter().all(|known| known.name != attribute.name) {
                    attributes.push(attribute);
                }
            }
        }
    }

    fn remove_from_parent(&self, target: &Rc<Node>) {
        let parent = target.parent.replace(Weak::new()).upgrade();
        if let Some((parent, place)) = parent.and_then(|parent| target.place_in(&parent).map(|place| (parent, place))) {
            parent.children.borrow_mut().remove(place);
        }
    }

    fn reparent_children(&self, node: &Rc<Node>, new_parent: &Rc<Node>) {
        for child in node.children.take() {
            self.append(new_parent, NodeOrText::AppendNode(child));
        }
    }
}
