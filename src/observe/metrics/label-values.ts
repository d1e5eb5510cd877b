/** Values of a label, bounded: each of them is a series that lives as long as the process. */

/** What stands for all names that came too late. */
export const OTHER = 'other';

/** The first `max` names stand for themselves, whatever comes later for `other`. */
export function createLabelValues(max: number): (name: string) => string {
  const known = new Set<string>();
  return (name) => {
    if (known.has(name)) return name;
    if (known.size >= max) return OTHER;
    known.add(name);
    return name;
  };
}
