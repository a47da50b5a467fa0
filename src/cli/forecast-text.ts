import type { MigrationForecast, TransferCompression } from '../model/intent.ts';
import { formatMs } from '../model/units.ts';

/** "about 1.30 s in all, blackout about 25 ms, converges: dirty rate …" */
export function forecastText({ totalMs, blackoutMs, converges, reason }: MigrationForecast): string {
  const figures = [
    ...(totalMs === null ? [] : [`about ${formatMs(totalMs)} ${converges === false ? 'until it gives up' : 'in all'}`]),
    ...(blackoutMs === null ? [] : [`blackout about ${formatMs(blackoutMs)}`]),
    ...(converges === null ? [] : [converges ? 'converges' : 'does not converge']),
  ];
  return `${figures.length === 0 ? 'nothing can be said' : figures.join(', ')}: ${reason}`;
}

export function compressionText(compression: TransferCompression): string {
  switch (compression) {
    case 'none':
      return 'not compressed';
    case 'xbzrle':
      return 'rewritten pages as differences (xbzrle)';
    case 'multifd-zstd':
      return 'compressed on several channels (multifd, zstd)';
  }
}
