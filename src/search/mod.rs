//! Search: the index, the understanding of queries, ranking.
