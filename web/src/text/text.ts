/** What a translation must have: the same keys, any text. Plural forms are keys too ("nodes_one", "nodes_other"). */
export type Translated<T> = { readonly [K in keyof T]: T[K] extends string ? string : Translated<T[K]> };
