import { type TSchema, Type } from 'typebox';

// The few schema forms that every resource uses.

export function nullable<S extends TSchema>(schema: S) {
  return Type.Union([schema, Type.Null()]);
}

/** Objects in answers and requests have exactly the named fields: a misspelt one is refused, not ignored. */
export function exact<P extends Record<string, TSchema>>(properties: P) {
  return Type.Object(properties, { additionalProperties: false });
}

export function list<S extends TSchema>(items: S) {
  return Type.Immutable(Type.Array(items));
}

/** One of these words. */
export function oneOf<const V extends readonly string[]>(values: readonly [...V]) {
  return Type.Enum<[...V]>(values, { type: 'string' });
}

export const isoTime = Type.String({ description: 'ISO 8601, UTC' });
export const bytes = Type.Integer({ description: 'bytes' });
export const ms = Type.Number({ description: 'milliseconds' });
export const rate = Type.Number({ description: 'bytes per second' });

export const nameParams = exact({ name: Type.String({ minLength: 1 }) });
