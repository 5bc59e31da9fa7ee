//! The choice of instruction set, made at run time.

use std::sync::OnceLock;

/// An instruction set that this CPU has. It can only be made here, so that holding one proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level(Isa);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isa {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The widest instruction set of this CPU.
    pub(crate) fn best() -> Self {
        static BEST: OnceLock<Level> = OnceLock::new();
        *BEST.get_or_init(|| Self::available().last().unwrap_or(Self(Isa::Portable)))
    }

    /// All instruction sets of this CPU that the kernels are compiled for, narrowest first.
    pub(crate) fn available() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let wider = [
            (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"))
                .then_some(Isa::Avx2),
            (is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl"))
            .then_some(Isa::Avx512),
        ];
        #[cfg(not(target_arch = "x86_64"))]
        let wider: [Option<Isa>; 0] = [];
        std::iter::once(Isa::Portable).chain(wider.into_iter().flatten()).map(Self)
    }

    pub(super) fn isa(self) -> Isa {
        self.0
    }

    fn name(self) -> &'static str {
        match self.0 {
            // All CPUs of this architecture have it, so that every loop is compiled for it.
            Isa::Portable if cfg!(target_arch = "aarch64") => "NEON",
            Isa::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => "AVX2+FMA",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => "AVX-512",
        }
    }
}

/// Name of the instruction set that training and scoring use on this CPU: AVX-512, AVX2+FMA, NEON
/// or portable.
pub fn instruction_set() -> &'static str {
    Level::best().name()
}

/// Compiles one safe loop for every [`Level`]; the function gets the level as its first argument.
macro_rules! for_each_level {
    ($($(#[$meta:meta])* fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $body:block)*) => {$(
        $(#[$meta])*
        pub(crate) fn $name(level: $crate::kernels::Level, $($arg: $ty),*) {
            #[inline(always)]
            fn portable($($arg: $ty),*) $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $ty),*) {
                portable($($arg),*);
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512($($arg: $ty),*) {
                portable($($arg),*);
            }

            match level.isa() {
                $crate::kernels::dispatch::Isa::Portable => portable($($arg),*),
                // SAFETY: a `Level` of this kind is made only where the CPU reports avx2 and fma.
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::dispatch::Isa::Avx2 => unsafe { avx2($($arg),*) },
                // SAFETY: a `Level` of this kind is made only where the CPU reports the four
                // avx512 features; every such CPU has avx2 and fma.
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::dispatch::Isa::Avx512 => unsafe { avx512($($arg),*) },
            }
        }
    )*};
}
pub(super) use for_each_level;
