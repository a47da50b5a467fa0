import { join } from 'node:path';

/** The checkout that this lab runs. */
export const REPOSITORY = join(import.meta.dirname, '../..');
