//! What a core can do: the `gemm` crate's product of two dense 512 x 512 matrices.
#![expect(unsafe_code, reason = "the yardstick is the bare call, without our wrapper")]

use dfp_pipeline::measure::Clock;
use gemm::Parallelism;
use rayon::prelude::*;

const SIDE: usize = 512;
/// Products of one measurement: about 50 ms.
const PRODUCTS: usize = 16;

/// Floating-point operations a second of all threads of the ambient pool, each at products of its
/// own, so that no thread ever waits for another.
pub fn flops(threads: usize) -> f64 {
    let mut results = vec![vec![0.0_f32; SIDE * SIDE]; threads];
    let operands = [vec![0.5_f32; SIDE * SIDE], vec![0.25_f32; SIDE * SIDE]];
    let measure = |results: &mut [Vec<f32>]| {
        let clock = Clock::start();
        match results {
            [only] => products(only, &operands),
            all => all.par_iter_mut().for_each(|result| products(result, &operands)),
        }
        clock.seconds(threads)
    };
    // The first touches the memory.
    measure(&mut results);
    (threads * PRODUCTS * 2 * SIDE.pow(3)) as f64 / measure(&mut results)
}

fn products(result: &mut [f32], [left, right]: &[Vec<f32>; 2]) {
    let side = SIDE as isize;
    for _ in 0..PRODUCTS {
        // SAFETY: all three matrices are SIDE x SIDE, dense and row-major, and the result is
        // borrowed uniquely.
        unsafe {
            gemm::gemm(
                SIDE,
                SIDE,
                SIDE,
                result.as_mut_ptr(),
                1,
                side,
                false,
                left.as_ptr(),
                1,
                side,
                right.as_ptr(),
                1,
                side,
                0.0,
                1.0,
                false,
                false,
                false,
                Parallelism::None,
            );
        }
    }
}
