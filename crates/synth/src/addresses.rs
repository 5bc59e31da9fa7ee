//! Network addresses that are nobody's.

use std::rc::Rc;

use super::stable_rng::Dice;

/// Reserved for documentation (RFC 5737).
pub(super) fn office(dice: &mut Dice) -> Rc<str> {
    format!("203.0.113.{}", dice.between(1, 254)).into()
}

/// Reserved for documentation (RFC 5737).
pub(super) fn private_network(dice: &mut Dice) -> Rc<str> {
    format!("198.51.100.{}", dice.between(1, 254)).into()
}

/// Shared by providers (RFC 6598).
pub(super) fn home(dice: &mut Dice) -> Rc<str> {
    let (second, third) = (dice.between(64, 127), dice.below(256));
    format!("100.{second}.{third}.{}", dice.between(1, 254)).into()
}

/// Private (RFC 1918).
pub(super) fn instance(dice: &mut Dice) -> Rc<str> {
    let (second, third) = (dice.below(256), dice.below(256));
    format!("10.{second}.{third}.{}", dice.between(4, 254)).into()
}

/// An intruder's: reserved for benchmarks (RFC 2544); no user has such an address.
pub(super) fn outside(dice: &mut Dice) -> Rc<str> {
    let (second, third) = (dice.between(18, 19), dice.below(256));
    format!("198.{second}.{third}.{}", dice.between(1, 254)).into()
}
