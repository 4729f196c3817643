// What a page tells is packed: nothing of some length stands in it twice. See viz/packing.py for how it reads.

function unpack({ forms, parts, data }) {
  const known = [];
  const whole = (packed) => {
    if (!Array.isArray(packed)) return packed;
    const [form, ...rest] = packed;
    if (form < 0) return known[-form - 1];
    const found = rest.map(whole);
    return form ? Object.fromEntries(forms[form - 1].map((name, i) => [name, found[i]])) : found;
  };
  parts.forEach((part) => known.push(whole(part)));
  return whole(data);
}
