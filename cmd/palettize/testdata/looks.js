// What a page looks like: how wide it is, its smallest text, its least contrast and where that is, how light it is.
(() => {
  const light = (color) => {
    const [r, g, b] = color.match(/[\d.]+/g).map(Number).map((v) => {
      v /= 255;
      return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const color = getComputedStyle(element).backgroundColor;
      if (!/, 0\)$/.test(color)) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = {wide: document.documentElement.scrollWidth, window: innerWidth, smallest: 100, least: 100,
    page: light(getComputedStyle(document.body).backgroundColor)};
  for (const element of document.querySelectorAll('h1, h2, h3, p, dt, dd, b, span, th, td, label, output, svg text')) {
    if (!element.textContent.trim() || element.closest('h2')?.matches('#summary h2, #plots h2')) continue;
    const style = getComputedStyle(element), svg = element.closest('svg');
    const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    const size = parseFloat(style.fontSize) * scale;
    const [a, b] = [light(svg ? style.fill : style.color), light(behind(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (size < found.smallest) found.smallest = size;
    if (contrast < found.least) [found.least, found.where] = [contrast, element.textContent];
  }
  return JSON.stringify(found);
})()
