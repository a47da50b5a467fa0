import { getAvailability } from '../contract/availability.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { availabilityText } from './ha-text.ts';

export async function haStatus(context: Context): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const view = await cluster.call(getAvailability);
  report(context, view, () => {
    const text = `The cluster is ${availabilityText(view, context.output.look, Date.now())}`;
    return view.armed ? text : `${text}\nArm it again with \`godwit ha arm\`.`;
  });
  return EXIT_DONE;
}
