import type { Command } from 'commander';
import type { BringOptions } from './image.ts';
import { addNoun } from './noun.ts';
import type { Act } from './program.ts';

export function addImageCommands(program: Command, act: Act): void {
  const image = addNoun(program, 'image', 'images that VMs are made of, and media for their CD drives');
  image
    .command('list')
    .description('the images of the cluster')
    .action((_options, command: Command) =>
      act(command, async (context) => (await import('./image.ts')).imageList(context)),
    );
  image
    .command('upload')
    .description('bring a file from this machine into the cluster')
    .argument('<file>', 'a qcow2 or raw image, or an ISO')
    .option('--as <image>', 'its name in the cluster; the name of the file by default')
    .addHelpText('after', '\nExample:\n  godwit image upload ~/debian-13.iso')
    .action((file: string, options: BringOptions, command: Command) =>
      act(command, async (context) => (await import('./image.ts')).imageUpload(context, file, options)),
    );
  image
    .command('fetch')
    .description('let a node download an image, and wait until it is there')
    .argument('<url>', 'begins with https:// or http://')
    .option('--as <image>', 'its name in the cluster; the last part of the URL by default')
    .addHelpText(
      'after',
      '\nExample:\n  godwit image fetch https://cloud.debian.org/images/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2',
    )
    .action((url: string, options: BringOptions, command: Command) =>
      act(command, async (context) => (await import('./image.ts')).imageFetch(context, url, options)),
    );
  image
    .command('delete')
    .description('delete an image; disks that were made from it are not touched')
    .argument('<image>', 'its name')
    .action((name: string, _options, command: Command) =>
      act(command, async (context) => (await import('./image.ts')).imageDelete(context, name)),
    );
}
