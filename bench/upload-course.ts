/** What a migration did to an upload. Pure. */
import type { Figures } from './bench-plan.ts';
import type { UploadFigures } from './client/figures.ts';
import { median } from './statistics.ts';

/** A connection is slow at first. */
const STARTS_MS = 500;
/** Of what it was before: then the upload is back. */
const BACK_SHARE = 0.8;

export interface UploadCourse {
  /** Bits per second that arrived in the guest; medians. */
  readonly before: number | null;
  /** From the call until STOP. */
  readonly meanwhile: number | null;
  /** From RESUME until the first 100 ms with at least 80 % of what it was before, in milliseconds; null: never. */
  readonly backMs: number | null;
}

export function uploadCourse(
  upload: UploadFigures,
  { calledAtMs, stoppedAtMs, resumedAtMs }: Pick<Figures, 'calledAtMs' | 'stoppedAtMs' | 'resumedAtMs'>,
): UploadCourse {
  const before = medianRate(upload, upload.startedAtMs + STARTS_MS, calledAtMs);
  const meanwhile = stoppedAtMs === null ? null : medianRate(upload, calledAtMs, stoppedAtMs);
  return { before, meanwhile, backMs: resumedAtMs === null || before === null ? null : back() };

  function back(): number | null {
    const enough = ((before ?? 0) / 8) * (upload.binMs / 1000) * BACK_SHARE;
    for (const { bytes, toMs } of binsOf(upload)) {
      if (toMs > (resumedAtMs ?? 0) && bytes >= enough) return toMs - (resumedAtMs ?? 0);
    }
    return null;
  }
}

/** Of an upload that nothing disturbed. */
export function bitsPerSecondOf(upload: UploadFigures): number | null {
  return medianRate(upload, upload.startedAtMs + STARTS_MS, Number.POSITIVE_INFINITY);
}

function medianRate(upload: UploadFigures, fromMs: number, toMs: number): number | null {
  const bins = binsOf(upload).filter((bin) => bin.fromMs >= fromMs && bin.toMs <= toMs);
  const bytes = median(bins.map((bin) => bin.bytes));
  return bytes === null ? null : (bytes * 8 * 1000) / upload.binMs;
}

function binsOf({ bytesPerBin, startedAtMs, binMs }: UploadFigures) {
  return bytesPerBin.map((bytes, index) => {
    const fromMs = startedAtMs + index * binMs;
    return { bytes, fromMs, toMs: fromMs + binMs };
  });
}
