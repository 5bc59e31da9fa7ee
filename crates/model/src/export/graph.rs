//! An ONNX graph in the making: every value has a name that a person can read, and no two the same.

use super::proto::{
    Attribute, Dimension, Graph, Node, Shape, Tensor, TensorType, ValueInfo, ValueType,
};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt::Display;

/// Types of numbers, with ONNX's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Float = 1,
    Int32 = 6,
    Int64 = 7,
    Bool = 9,
    Double = 11,
}

impl Type {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Float => "float32",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Bool => "bool",
            Self::Double => "float64",
        }
    }
}

/// Numbers of which tensors are made.
pub(super) trait Number: Copy + Display {
    const TYPE: Type;
    fn put(self, bytes: &mut Vec<u8>);
}

macro_rules! numbers {
    ($($number:ty: $kind:ident),*) => {$(
        impl Number for $number {
            const TYPE: Type = Type::$kind;
            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

numbers!(f32: Float, i32: Int32, i64: Int64, f64: Double);

/// The name of a value: an input, a constant or what a node computes.
pub(super) type Value = String;

/// A graph whose inputs and outputs all have a dimension `rows`. Its methods take `&self`, so that
/// a node can be written inside of the one that reads it.
#[derive(Debug)]
pub(super) struct Builder {
    graph: RefCell<Graph>,
    names: RefCell<HashSet<String>>,
    /// By the names that they were given.
    constants: RefCell<HashMap<String, Value>>,
}

impl Builder {
    /// `reserved`: names of the inputs and outputs, which nothing else gets.
    pub(super) fn new(name: &str, reserved: impl IntoIterator<Item = String>) -> Self {
        let graph = Graph { name: name.to_owned(), ..Graph::default() };
        Self {
            graph: RefCell::new(graph),
            names: RefCell::new(reserved.into_iter().collect()),
            constants: RefCell::default(),
        }
    }

    /// This name, lengthened where it is taken: names contain columns', which may be any text.
    fn fresh(&self, name: &str) -> Value {
        let mut name = name.to_owned();
        while !self.names.borrow_mut().insert(name.clone()) {
            name.push('_');
        }
        name
    }

    /// An input `[rows, 1]` with a reserved name.
    pub(super) fn input(&self, name: String, kind: Type, doc: &str) -> Value {
        self.graph.borrow_mut().input.push(info(&name, kind, &[1], doc));
        name
    }

    /// Makes a value that has a reserved name an output `[rows, ..]`.
    pub(super) fn output(
        &self,
        name: &str,
        kind: Type,
        widths: &[usize],
        doc: &str,
        value: &Value,
    ) {
        self.graph.borrow_mut().output.push(info(name, kind, widths, doc));
        self.push("Identity", &[value], Vec::new(), name.to_owned());
    }

    /// Learnt numbers.
    pub(super) fn tensor<T: Number>(&self, name: &str, shape: &[usize], data: &[T]) -> Value {
        debug_assert_eq!(shape.iter().product::<usize>(), data.len(), "{name}");
        let name = self.fresh(name);
        let mut raw_data = Vec::with_capacity(size_of_val(data));
        data.iter().for_each(|number| number.put(&mut raw_data));
        self.graph.borrow_mut().initializer.push(Tensor {
            dims: shape.iter().map(|length| *length as i64).collect(),
            data_type: T::TYPE as i32,
            name: name.clone(),
            raw_data,
        });
        name
    }

    /// A learnt number.
    pub(super) fn scalar<T: Number>(&self, name: &str, number: T) -> Value {
        self.tensor(name, &[], &[number])
    }

    /// A number that is the same in every model, called like itself.
    pub(super) fn constant<T: Number>(&self, number: T) -> Value {
        self.constants(&format!("{number}"), &[], &[number])
    }

    /// Numbers that are the same in every model, told apart by name and type.
    pub(super) fn constants<T: Number>(&self, name: &str, shape: &[usize], data: &[T]) -> Value {
        let name = format!("constant.{name}.{}", T::TYPE.label());
        if let Some(known) = self.constants.borrow().get(&name) {
            return known.clone();
        }
        let value = self.tensor(&name, shape, data);
        self.constants.borrow_mut().insert(name, value.clone());
        value
    }

    /// A node, called like what it computes.
    pub(super) fn node(&self, op: &str, inputs: &[&Value], name: &str) -> Value {
        self.node_with(op, inputs, Vec::new(), name)
    }

    pub(super) fn node_with(
        &self,
        op: &str,
        inputs: &[&Value],
        attributes: Vec<Attribute>,
        name: &str,
    ) -> Value {
        let name = self.fresh(name);
        self.push(op, inputs, attributes, name.clone());
        name
    }

    pub(super) fn cast(&self, value: &Value, to: Type, name: &str) -> Value {
        self.node_with("Cast", &[value], vec![int("to", to as i64)], name)
    }

    /// Columns `[rows, ..]` side by side.
    pub(super) fn concat(&self, columns: &[Value], name: &str) -> Value {
        let columns: Vec<&Value> = columns.iter().collect();
        self.node_with("Concat", &columns, vec![int("axis", 1)], name)
    }

    fn push(&self, op: &str, inputs: &[&Value], attribute: Vec<Attribute>, name: Value) {
        self.graph.borrow_mut().node.push(Node {
            input: inputs.iter().map(|input| (*input).clone()).collect(),
            output: vec![name.clone()],
            name,
            op_type: op.to_owned(),
            attribute,
        });
    }

    pub(super) fn finish(self) -> Graph {
        self.graph.into_inner()
    }
}

fn info(name: &str, kind: Type, widths: &[usize], doc: &str) -> ValueInfo {
    let rows = Dimension { dim_value: None, dim_param: Some("rows".to_owned()) };
    let widths =
        widths.iter().map(|width| Dimension { dim_value: Some(*width as i64), dim_param: None });
    let shape = Shape { dim: std::iter::once(rows).chain(widths).collect() };
    let tensor_type = TensorType { elem_type: kind as i32, shape: Some(shape) };
    let value_type = ValueType { tensor_type: Some(tensor_type) };
    ValueInfo { name: name.to_owned(), value_type: Some(value_type), doc_string: doc.to_owned() }
}

pub(super) fn float(name: &str, f: f32) -> Attribute {
    Attribute { name: name.to_owned(), f: Some(f), kind: 1, ..Attribute::default() }
}

pub(super) fn int(name: &str, i: i64) -> Attribute {
    Attribute { name: name.to_owned(), i: Some(i), kind: 2, ..Attribute::default() }
}

pub(super) fn ints(name: &str, ints: &[i64]) -> Attribute {
    Attribute { name: name.to_owned(), ints: ints.to_vec(), kind: 7, ..Attribute::default() }
}
