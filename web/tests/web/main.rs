//! Pages drawn from samples: nothing from outside becomes markup, and each page keeps the rules of all pages.

mod markup;
mod regions;
mod sample;
