//! The engine, stepped by hand.

mod laws;
