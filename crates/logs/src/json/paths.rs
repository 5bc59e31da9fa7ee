//! The names of columns as a tree of object members.

use super::Role;
use super::Schema;
use crate::file_table::MAX_COLUMNS;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use std::hash::BuildHasher;

/// Behind the name of a member that would share its column with another one of the same event: `"a.b"` and
/// the member `b` of `a`. The names of logs do not end so.
pub(crate) const TWIN: &str = "\0twin";

/// Up to this many members of an object are looked through one by one.
const FEW: usize = 12;

pub(super) const ROOT: usize = 0;

/// A member on some path.
pub(super) struct Node {
    pub(super) path: String,
    pub(super) role: Role,
    /// Something below may be wanted.
    pub(super) descend: bool,
    /// A list here holds the document's events.
    pub(super) list: bool,
    /// An object here is the event.
    pub(super) inner: bool,
    /// Only events have this member.
    pub(super) mark: bool,
    /// Position among the distinct paths: a member `a.b` and a member `b` inside `a` share one.
    pub(super) cell: usize,
    /// Objects around it.
    depth: usize,
    /// Length of the path of the object around it.
    parent_length: usize,
    children: Vec<(Box<str>, usize)>,
    /// Positions of the children, if they are more than a few.
    by_key: HashMap<Box<str>, usize>,
    /// Where the next key is expected: events repeat the order of their members.
    next: usize,
}

/// A member that is one too many.
pub(super) struct Missing {
    pub(super) name: String,
    /// It would have been a column, or hold some.
    pub(super) wanted: bool,
}

impl Node {
    /// Nothing here or below is wanted.
    pub(super) fn is_skipped(&self) -> bool {
        matches!(self.role, Role::Skip) && !(self.descend || self.list || self.inner)
    }

    fn position(&self, key: &str) -> Option<usize> {
        if self.children.len() > FEW {
            return self.by_key.get(key).copied();
        }
        self.children.iter().position(|(name, _)| **name == *key)
    }
}

/// All members met so far.
pub(super) struct Paths<'o> {
    schema: &'o dyn Schema,
    nodes: Vec<Node>,
    /// Several nodes have one path.
    shared: bool,
    /// The first node of each distinct path, by the path.
    by_path: HashTable<usize>,
    hasher: DefaultHashBuilder,
    /// Most members that nobody asked for.
    pub(super) most: usize,
    /// Members so far that nobody asked for.
    unasked: usize,
}

impl<'o> Paths<'o> {
    pub(super) fn new(schema: &'o dyn Schema) -> Self {
        let root = Node {
            path: String::new(),
            role: Role::Skip,
            descend: true,
            list: false,
            inner: false,
            mark: false,
            cell: 0,
            depth: 0,
            parent_length: 0,
            children: Vec::new(),
            by_key: HashMap::new(),
            next: 0,
        };
        Self {
            schema,
            nodes: vec![root],
            shared: false,
            by_path: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            most: MAX_COLUMNS,
            unasked: 0,
        }
    }

    pub(super) fn schema(&self) -> &'o dyn Schema {
        self.schema
    }

    pub(super) fn node(&self, node: usize) -> &Node {
        &self.nodes[node]
    }

    /// Number of distinct paths.
    pub(super) fn cells(&self) -> usize {
        self.by_path.len()
    }

    /// The member `key` of `parent`, created if new and not one too many.
    pub(super) fn child(&mut self, parent: usize, key: &str) -> Result<usize, Missing> {
        let node = &mut self.nodes[parent];
        if let Some((name, child)) = node.children.get(node.next)
            && &**name == key
        {
            node.next += 1;
            return Ok(*child);
        }
        if let Some(position) = node.position(key) {
            node.next = position + 1;
            return Ok(node.children[position].1);
        }
        self.create(parent, key)
    }

    /// Whoever can write a log line can write any number of names. They must not take the place of those
    /// that are asked for, nor fill the memory: of these there are a limited number as well, since many names
    /// become one when they are cleaned.
    fn create(&mut self, parent: usize, key: &str) -> Result<usize, Missing> {
        let created = self.nodes.len();
        let node = &self.nodes[parent];
        let path = if parent == ROOT { key.to_owned() } else { format!("{}.{key}", node.path) };
        let (depth, parent_length) = (node.depth + 1, node.path.len());
        let schema = self.schema;
        let asked = || schema.is_asked(&path) || schema.leads_to_asked(&path);
        if self.unasked >= self.most || created > 2 * MAX_COLUMNS {
            if created > 2 * MAX_COLUMNS || !asked() {
                let role = schema.role(&path);
                let wanted = !matches!(role, Role::Skip) || schema.descend(&path);
                return Err(Missing { name: path, wanted });
            }
        } else {
            let list = schema.is_list(&path) || schema.leads_to_list(&path);
            self.unasked += usize::from(!list && !schema.is_asked(&path));
        }
        let node = &mut self.nodes[parent];
        let position = node.children.len();
        node.children.push((key.into(), created));
        if position >= FEW {
            let unlisted = node.by_key.len()..node.children.len();
            node.by_key.extend(unlisted.map(|i| (node.children[i].0.clone(), i)));
        }
        node.next = position + 1;
        let hash = self.hasher.hash_one(path.as_str());
        let fresh = self.by_path.len();
        let cell = match self.by_path.find(hash, |&node| self.nodes[node].path == path) {
            Some(&node) => {
                self.shared = true;
                self.nodes[node].cell
            }
            None => {
                let hash_of = |&node: &usize| self.hasher.hash_one(self.nodes[node].path.as_str());
                self.by_path.insert_unique(hash, created, hash_of);
                fresh
            }
        };
        self.nodes.push(Node {
            role: self.schema.role(&path),
            descend: self.schema.descend(&path),
            list: self.schema.is_list(&path),
            inner: self.schema.is_inner(&path),
            mark: self.schema.is_mark(&path),
            path,
            cell,
            depth,
            parent_length,
            children: Vec::new(),
            by_key: HashMap::new(),
            next: 0,
        });
        Ok(created)
    }

    /// Whether members of different places have one path.
    pub(super) fn has_shared_cells(&self) -> bool {
        self.shared
    }

    /// Whether a member comes before another one of the same path: the one with fewer objects around it.
    pub(super) fn precedes(&self, node: usize, other: usize) -> bool {
        let place = |node: usize| (self.nodes[node].depth, self.nodes[node].parent_length);
        place(node) < place(other)
    }

    /// The node and the cell of a further column for a member whose column another member has; `None` if
    /// there are too many.
    pub(super) fn twin(&mut self, node: usize, before: usize) -> Option<(usize, usize)> {
        let name = format!("{}{TWIN}{before}", self.nodes[node].path);
        let role = self.nodes[node].role;
        let twin = match self.nodes[ROOT].position(&name) {
            Some(position) => self.nodes[ROOT].children[position].1,
            None => self.create(ROOT, &name).ok()?,
        };
        self.nodes[twin].role = role;
        Some((twin, self.nodes[twin].cell))
    }

    /// A new object begins: its members are expected from the first on.
    pub(super) fn rewind(&mut self, node: usize) {
        self.nodes[node].next = 0;
    }
}
