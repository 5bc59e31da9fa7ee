//! The names of columns as a tree of object members.

use super::Role;
use super::Schema;
use hashbrown::HashMap;

/// More columns than this are a malformed or hostile file: every one is as long as the table.
pub(super) const MAX_COLUMNS: usize = 20_000;

pub(super) const ROOT: usize = 0;

/// A member on some path.
pub(super) struct Node {
    pub(super) path: String,
    pub(super) role: Role,
    /// Something below may be wanted.
    pub(super) descend: bool,
    /// Position among the distinct paths: a member `a.b` and a member `b` inside `a` share one.
    pub(super) cell: usize,
    children: Vec<(Box<str>, usize)>,
    by_key: HashMap<Box<str>, usize>,
    /// Where the next key is expected: events repeat the order of their members.
    next: usize,
}

/// All members met so far.
pub(super) struct Paths<'o> {
    schema: &'o dyn Schema,
    nodes: Vec<Node>,
    cells: HashMap<String, usize>,
}

impl<'o> Paths<'o> {
    pub(super) fn new(schema: &'o dyn Schema) -> Self {
        let root = Node {
            path: String::new(),
            role: Role::Skip,
            descend: true,
            cell: 0,
            children: Vec::new(),
            by_key: HashMap::new(),
            next: 0,
        };
        Self { schema, nodes: vec![root], cells: HashMap::new() }
    }

    pub(super) fn node(&self, node: usize) -> &Node {
        &self.nodes[node]
    }

    /// Number of distinct paths.
    pub(super) fn cells(&self) -> usize {
        self.cells.len()
    }

    /// The member `key` of `parent`, created if new; `None` if there are too many.
    pub(super) fn child(&mut self, parent: usize, key: &str) -> Option<usize> {
        let node = &mut self.nodes[parent];
        if let Some((name, child)) = node.children.get(node.next)
            && &**name == key
        {
            node.next += 1;
            return Some(*child);
        }
        if let Some(&position) = node.by_key.get(key) {
            node.next = position + 1;
            return Some(node.children[position].1);
        }
        self.create(parent, key)
    }

    fn create(&mut self, parent: usize, key: &str) -> Option<usize> {
        if self.nodes.len() > MAX_COLUMNS {
            return None;
        }
        let created = self.nodes.len();
        let node = &mut self.nodes[parent];
        let path = if parent == ROOT { key.to_owned() } else { format!("{}.{key}", node.path) };
        let position = node.children.len();
        node.children.push((key.into(), created));
        node.by_key.insert(key.into(), position);
        node.next = position + 1;
        let fresh = self.cells.len();
        let cell = *self.cells.entry(path.clone()).or_insert(fresh);
        self.nodes.push(Node {
            role: self.schema.role(&path),
            descend: self.schema.descend(&path),
            path,
            cell,
            children: Vec::new(),
            by_key: HashMap::new(),
            next: 0,
        });
        Some(created)
    }

    /// A new object begins: its members are expected from the first on.
    pub(super) fn rewind(&mut self, node: usize) {
        self.nodes[node].next = 0;
    }
}
