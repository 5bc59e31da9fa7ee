//! Vector registers, for what compilers do not make of plain loops.

/// Values that one instruction works on.
///
/// # Safety
/// Whoever calls a method promises that the CPU has the register's instructions, and that a pointer
/// is good for [`Register::LEN`] values.
pub(super) trait Register: Copy {
    const LEN: usize;

    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn all(value: f32) -> Self;
    /// self · factor + sum.
    unsafe fn times_plus(self, factor: Self, sum: Self) -> Self;
}

/// What every CPU has, or compilers make of it.
pub(super) type Plain = [f32; 4];

/// Whether code without a run-time choice may multiply and add in one operation.
pub(super) const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

impl Register for Plain {
    const LEN: usize = 4;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise; an array of values is aligned as they are.
        unsafe { *from.cast() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { *to.cast() = self }
    }

    #[inline(always)]
    unsafe fn all(value: f32) -> Self {
        [value; 4]
    }

    #[inline(always)]
    unsafe fn times_plus(self, factor: Self, sum: Self) -> Self {
        std::array::from_fn(|i| match FUSED {
            true => self[i].mul_add(factor[i], sum[i]),
            false => self[i] * factor[i] + sum[i],
        })
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Register;
    use std::arch::x86_64::{
        __m256, __m512, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_storeu_ps,
        _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_storeu_ps,
    };

    macro_rules! register {
        ($register:ty, $len:literal, $load:ident, $store:ident, $all:ident, $times_plus:ident) => {
            impl Register for $register {
                const LEN: usize = $len;

                #[inline(always)]
                unsafe fn load(from: *const f32) -> Self {
                    // SAFETY: the caller's promise; no alignment is needed.
                    unsafe { $load(from) }
                }

                #[inline(always)]
                unsafe fn store(self, to: *mut f32) {
                    // SAFETY: the caller's promise; no alignment is needed.
                    unsafe { $store(to, self) }
                }

                #[inline(always)]
                unsafe fn all(value: f32) -> Self {
                    // SAFETY: the caller's promise.
                    unsafe { $all(value) }
                }

                #[inline(always)]
                unsafe fn times_plus(self, factor: Self, sum: Self) -> Self {
                    // SAFETY: the caller's promise.
                    unsafe { $times_plus(self, factor, sum) }
                }
            }
        };
    }

    register!(__m256, 8, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_set1_ps, _mm256_fmadd_ps);
    register!(__m512, 16, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_set1_ps, _mm512_fmadd_ps);
}
