//! Pages of the staff of contact points.

pub mod outcomes;
