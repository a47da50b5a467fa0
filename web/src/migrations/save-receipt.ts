import { saveFile } from '../ui/save-file.ts';
import type { Receipt } from './migration-figures.ts';

/** As `godwit migration show ID --json` prints it, into a file of its own. */
export function saveReceipt(receipt: Receipt): void {
  const text = `${JSON.stringify(receipt, null, 2)}\n`;
  saveFile(`godwit-${receipt.vm}-${receipt.id}.json`, new Blob([text], { type: 'application/json' }));
}
