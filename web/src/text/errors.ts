import type { Translated } from './text.ts';

export const en = {};

export const de: Translated<typeof en> = {};
