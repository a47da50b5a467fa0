// What is read of the kernel's files. See proc(5) and the kernel's Documentation/admin-guide/cgroup-v2.rst.

/** Of all CPUs together, in clock ticks since the start. `/proc/stat`. */
export function parseCpuTimes(text: string): { readonly busyTicks: number; readonly totalTicks: number } | null {
  const line = /^cpu +(.+)$/m.exec(text)?.[1];
  if (line === undefined) return null;
  // user nice system idle iowait irq softirq steal; guest time is in user and nice already.
  const ticks = line.split(/ +/).slice(0, 8).map(Number);
  const totalTicks = ticks.reduce((sum, value) => sum + value, 0);
  const idleTicks = (ticks[3] ?? 0) + (ticks[4] ?? 0);
  return { busyTicks: totalTicks - idleTicks, totalTicks };
}

/** `/proc/meminfo`, in bytes. */
export function parseMemory(text: string): { readonly totalBytes: number; readonly availableBytes: number } | null {
  const field = (name: string) => new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1];
  const [total, available] = [field('MemTotal'), field('MemAvailable')];
  if (total === undefined || available === undefined) return null;
  return { totalBytes: Number(total) * 1024, availableBytes: Number(available) * 1024 };
}

/** `/proc/net/dev`, in bytes since the device was made. */
export function parseDevices(
  text: string,
): { readonly device: string; readonly received: number; readonly sent: number }[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*([^:\s]+):\s*(.+)$/.exec(line);
    const fields = match?.[2]?.trim().split(/\s+/).map(Number) ?? [];
    const [device, received, sent] = [match?.[1], fields[0], fields[8]];
    return device === undefined || received === undefined || sent === undefined ? [] : [{ device, received, sent }];
  });
}

/** CPU time of a process with all its threads, in clock ticks. `/proc/<pid>/stat`. */
export function parseProcessTicks(text: string): number | null {
  // The name may have spaces and parentheses in it: fields are counted from behind it, beginning with the third.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [fields[11], fields[12]];
  return user === undefined || system === undefined ? null : Number(user) + Number(system);
}

/** A line "name value" of a control group's file. */
export function parseField(text: string, name: string): number | null {
  const value = new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1];
  return value === undefined ? null : Number(value);
}

/** CPUs that `cpu.max` ("200000 100000") allows; null: as many as there are. */
export function parseCpuLimit(text: string): number | null {
  const [quota, period] = text.trim().split(' ').map(Number);
  return quota === undefined || !period || Number.isNaN(quota) ? null : quota / period;
}
