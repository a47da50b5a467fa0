import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import { type TSchema, Type } from 'typebox';
import { expect, test } from 'vitest';
import { exact, list, nullable, oneOf } from '../contract/shapes.ts';
import { describeSchemaErrors, type RequestPart, type SchemaError } from './schema-errors.ts';

/** What the server's own validator says about such a value, in our words. */
function refusal(schema: TSchema, given: unknown, part: RequestPart = 'body'): string {
  const validate = TypeBoxValidatorCompiler({ schema, httpPart: part, method: 'POST', url: '/' });
  const result = validate(given) as { readonly error?: readonly SchemaError[] };
  return describeSchemaErrors(result.error ?? [], part, given);
}

const field = (schema: TSchema, value: unknown) => refusal(exact({ cpus: schema }), { cpus: value });

test.each<[TSchema, unknown, string]>([
  [Type.Integer({ minimum: 1 }), 0, 'The field "cpus" is 0; it must be at least 1.'],
  [Type.Integer({ maximum: 64 }), 65, 'The field "cpus" is 65; it must be at most 64.'],
  [Type.Number({ exclusiveMinimum: 0 }), 0, 'The field "cpus" is 0; it must be more than 0.'],
  [Type.Number({ exclusiveMaximum: 9 }), 9, 'The field "cpus" is 9; it must be less than 9.'],
  [Type.Integer({ multipleOf: 4 }), 6, 'The field "cpus" is 6; it must be a multiple of 4.'],
  [Type.Integer(), 'two', 'The field "cpus" is "two"; it must be a whole number.'],
  [Type.Integer(), null, 'The field "cpus" is null; it must be a whole number.'],
  [Type.String(), ['a'], 'The field "cpus" is a list; it must be a text.'],
  [Type.Boolean(), {}, 'The field "cpus" is an object; it must be true or false.'],
  [Type.String({ minLength: 1 }), '', 'The field "cpus" is ""; it must not be empty.'],
  [Type.String({ minLength: 8 }), 'abc', 'The field "cpus" is "abc"; it must have at least 8 characters.'],
  [Type.String({ maxLength: 3 }), 'abcd', 'The field "cpus" is "abcd"; it must have at most 3 characters.'],
  [Type.String({ pattern: '^[a-z]+$' }), 'A1', 'The field "cpus" is "A1"; it must be of the form ^[a-z]+$.'],
  [oneOf(['live', 'quick']), 'sideways', 'The field "cpus" is "sideways"; it must be one of live, quick.'],
  [Type.Literal('now'), 'later', 'The field "cpus" is "later"; it must be now.'],
  [
    Type.Union([Type.Literal('yes'), Type.Literal('no')]),
    'maybe',
    'The field "cpus" is "maybe"; it must be yes or no.',
  ],
  [list(Type.Integer()), [1, 'x'], 'The field "cpus[1]" is "x"; it must be a whole number.'],
  [Type.Array(Type.Integer(), { minItems: 1 }), [], 'The field "cpus" is an empty list; it must not be empty.'],
  [Type.Array(Type.Integer(), { maxItems: 1 }), [1, 2], 'The field "cpus" is a list; it must have at most 1 entry.'],
])('a field of the wrong value: %#', (schema, value, text) => {
  expect(field(schema, value)).toBe(text);
});

test('a query names its parameters, with what was in the URL', () => {
  const query = exact({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 5000 })) });
  expect(refusal(query, { limit: '0' }, 'querystring')).toBe('The parameter "limit" is 0; it must be at least 1.');
  expect(refusal(query, { limit: '9999' }, 'querystring')).toBe(
    'The parameter "limit" is 9999; it must be at most 5000.',
  );
  expect(refusal(query, { limit: 'all' }, 'querystring')).toBe(
    'The parameter "limit" is "all"; it must be a whole number.',
  );
  expect(refusal(query, { colour: 'red' }, 'querystring')).toBe('The query must not have the parameter "colour".');
});

test('what is missing and what is unknown is named, with where it belongs', () => {
  const disks = exact({ name: Type.String(), disks: list(exact({ sizeBytes: Type.Integer() })) });
  expect(refusal(disks, {})).toBe('The fields "name", "disks" are missing.');
  expect(refusal(disks, { name: 'a', disks: [{ size: 1 }] })).toBe(
    'The field "disks[0].sizeBytes" is missing. The body must not have the field "disks[0].size".',
  );
  expect(refusal(disks, null)).toBe('The body is missing; it must be an object.');
  expect(refusal(disks, [])).toBe('The body is an empty list; it must be an object.');
});

test('of something that may also be null, or of several forms, the rule that was meant is said', () => {
  const schema = exact({
    hours: Type.Optional(nullable(exact({ from: Type.Integer(), to: Type.Integer() }))),
    rate: Type.Optional(nullable(Type.Number({ exclusiveMinimum: 0 }))),
  });
  expect(refusal(schema, { hours: { from: 1 } })).toBe('The field "hours.to" is missing.');
  expect(refusal(schema, { hours: { from: 1, to: 'x' } })).toBe(
    'The field "hours.to" is "x"; it must be a whole number.',
  );
  expect(refusal(schema, { hours: 'any' })).toBe('The field "hours" is "any"; it must be an object or null.');
  expect(refusal(schema, { rate: 0 })).toBe('The field "rate" is 0; it must be more than 0 or null.');
});

test('several rules about one field are one sentence; everything is said at once', () => {
  const schema = exact({ name: Type.String({ minLength: 2, pattern: '^[a-z]+$' }), cpus: Type.Integer() });
  expect(refusal(schema, { name: '1', cpus: 'x' })).toBe(
    'The field "name" is "1"; it must have at least 2 characters and be of the form ^[a-z]+$. ' +
      'The field "cpus" is "x"; it must be a whole number.',
  );
});

test('what may be secret is not repeated, and what is long is cut', () => {
  const schema = exact({
    password: Type.Optional(Type.String({ maxLength: 3 })),
    options: Type.Optional(Type.Record(Type.String(), Type.String())),
    text: Type.Optional(Type.String({ maxLength: 3 })),
  });
  expect(refusal(schema, { password: 'hunter2' })).toBe('The field "password" must have at most 3 characters.');
  expect(refusal(schema, { options: { passwd: 1234 } })).not.toContain('1234');
  expect(refusal(schema, { text: 'x'.repeat(1000) })).toContain(`"${'x'.repeat(60)}…"`);
});
