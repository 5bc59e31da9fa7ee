//! How much memory a model takes, for whoever keeps many.

/// What has memory of its own behind it.
pub(crate) trait Heap {
    /// Bytes of that memory, about: allocators round up.
    fn heap(&self) -> usize {
        0
    }
}

impl Heap for f32 {}
impl Heap for f64 {}
impl Heap for i64 {}
impl Heap for u32 {}
impl Heap for usize {}

impl Heap for String {
    fn heap(&self) -> usize {
        self.capacity()
    }
}

impl<T: Heap> Heap for Vec<T> {
    fn heap(&self) -> usize {
        self.capacity() * size_of::<T>() + self.iter().map(T::heap).sum::<usize>()
    }
}

impl<T: Heap> Heap for Option<T> {
    fn heap(&self) -> usize {
        self.as_ref().map_or(0, T::heap)
    }
}

impl<A: Heap, B: Heap> Heap for (A, B) {
    fn heap(&self) -> usize {
        self.0.heap() + self.1.heap()
    }
}

impl<T: Heap> Heap for Box<T> {
    fn heap(&self) -> usize {
        size_of::<T>() + T::heap(self)
    }
}
