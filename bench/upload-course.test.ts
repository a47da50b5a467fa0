import { expect, test } from 'vitest';
import { spread } from './client/upload.ts';
import { measurementOf, uploadOf } from './measurement-fixture.ts';
import { bitsPerSecondOf, uploadCourse } from './upload-course.ts';

const COURSE = { calledAtMs: 10_000, stoppedAtMs: 11_000, resumedAtMs: 11_040 };

test('what came before, meanwhile, and how soon it is back', () => {
  const meanwhile = Object.fromEntries(Array.from({ length: 10 }, (_bin, index) => [20 + index, 2.5e6]));
  const upload = uploadOf({ ...meanwhile, 30: 1e6, 31: 3.9e6, 32: 4e6 });
  expect(uploadCourse(upload, COURSE)).toEqual({ before: 400e6, meanwhile: 200e6, backMs: 260 });
});

test('an upload that never comes back has no time', () => {
  const gone = Object.fromEntries(Array.from({ length: 20 }, (_bin, index) => [30 + index, 0]));
  expect(uploadCourse(uploadOf(gone), COURSE).backMs).toBeNull();
});

test('without a RESUME there is nothing to come back from', () => {
  expect(uploadCourse(uploadOf(), { ...COURSE, stoppedAtMs: null, resumedAtMs: null })).toEqual({
    ...{ before: 400e6, meanwhile: null, backMs: null },
  });
});

test('the first half second of an upload alone does not count', () => {
  expect(bitsPerSecondOf(uploadOf({ 0: 0, 1: 0, 2: 0, 3: 0, 4: 0 }))).toBe(400e6);
  expect(uploadCourse(uploadOf(), measurementOf()).before).toBe(400e6);
});

test('a report is spread evenly over the time since the one before', () => {
  const bins: number[] = [];
  spread(bins, { bytes: 100, fromMs: 0, toMs: 50 });
  spread(bins, { bytes: 200, fromMs: 50, toMs: 250 });
  expect(bins.map(Math.round)).toEqual([150, 100, 50]);
});
