import type { SnapshotLists } from './shown-texts.ts';

/** Characters of one part, about: what one message may keep a browser busy with. */
const PART_LENGTH = 256 * 1024;

/** What every part of a snapshot, or the first one, has beside its lists. All but `node` and `fresh` is JSON already. */
export interface SnapshotHead {
  readonly node: string;
  readonly fresh: boolean;
  readonly cluster: string | null;
  readonly loads: string;
}

/** The messages of one snapshot. They are put together from texts, not from objects: there may be thousands of VMs in them. */
export function snapshotMessages(head: SnapshotHead, lists: SnapshotLists): string[] {
  const parts: { vms: string[]; migrations: string[] }[] = [{ vms: [], migrations: [...lists.openMigrations] }];
  let length = 0;
  const add = (list: 'vms' | 'migrations', json: string) => {
    if (length > 0 && length + json.length > PART_LENGTH) {
      parts.push({ vms: [], migrations: [] });
      length = 0;
    }
    parts.at(-1)?.[list].push(json);
    length += json.length;
  };
  for (const vm of lists.vms) add('vms', vm);
  for (const migration of lists.endedMigrations) add('migrations', migration);
  return parts.map(({ vms, migrations }, index) => {
    const first = index === 0;
    return [
      `{"type":"snapshot","part":${index + 1},"parts":${parts.length}`,
      `"node":${JSON.stringify(head.node)},"fresh":${head.fresh}`,
      `"cluster":${first ? head.cluster : null},"loads":${first ? head.loads : '[]'}`,
      `"nodes":[${first ? lists.nodes.join(',') : ''}],"vms":[${vms.join(',')}],"migrations":[${migrations.join(',')}]}`,
    ].join(',');
  });
}
