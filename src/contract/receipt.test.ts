import type { Static } from 'typebox';
import { expectTypeOf, test } from 'vitest';
import type { MigrationProgress } from '../migration/migration.ts';
import type { Receipt } from '../migration/receipt.ts';
import { type progressSchema, type receiptSchema } from './receipt.ts';

// Checked by the compiler: each assignment below fails to compile when a schema and its interface differ.
type PublishedReceipt = Static<typeof receiptSchema>;
type PublishedProgress = Static<typeof progressSchema>;

test('the receipt over REST is the receipt of the migration, field by field', () => {
  expectTypeOf<Receipt>().toExtend<PublishedReceipt>();
  expectTypeOf<PublishedReceipt>().toExtend<Receipt>();
  expectTypeOf<keyof PublishedReceipt>().toEqualTypeOf<keyof Receipt>();
});

test('the progress over REST is the progress of the migration, field by field', () => {
  expectTypeOf<MigrationProgress>().toExtend<PublishedProgress>();
  expectTypeOf<PublishedProgress>().toExtend<MigrationProgress>();
  expectTypeOf<keyof PublishedProgress>().toEqualTypeOf<keyof MigrationProgress>();
});
