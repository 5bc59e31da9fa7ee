//! The deep front door: one user's encoder, weights and loss statistics.
