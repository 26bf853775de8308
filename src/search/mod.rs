//! Search: the index, the understanding of queries, ranking.
//!
//! [`SearchIndex`] opens, builds and follows the index and answers a [`SearchRequest`]. On the way of a query: `query` reads it (pure), `ranking`
//! gives its terms their weights, `retrieval` walks the posting lists, `facets` says which documents pass, `searching` puts it together,
//! `snippets` cuts what is shown. On the way of a text: `normalise` and `analysis` make terms of it, `schema` says what is kept, `engine` writes
//! it, `columns` keeps in memory what filters need. `evaluate` measures all of it on judged queries.

mod analysis;
mod columns;
mod engine;
pub mod evaluate;
mod facets;
mod naming;
pub mod normalise;
mod notices;
pub mod query;
mod ranking;
mod request;
mod retrieval;
mod schema;
mod searching;
mod service;
mod snippets;
pub mod suggest;

pub use engine::{Built, Condition, SearchIndex, WorkChange};
pub use facets::{Facet, FacetValue};
pub use naming::{NamedPlace, named_places};
pub use ranking::boosts;
pub use request::{Answer, Filters, Group, Hit, Proximity, Scope, SearchRequest, SearchResponse, Segment};
pub use service::{IndexState, SearchService, follow};

#[cfg(test)]
mod tests;
