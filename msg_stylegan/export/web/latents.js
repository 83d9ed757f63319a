// The latents of seeds, as `generate.py` draws them, and what lies between them.

const WORDS = 624;
const SHIFT = 397;

/** The Mersenne Twister of a seed (Matsumoto & Nishimura 1998): 32 random bits per call. */
function mersenneTwister(seed) {
  const state = new Uint32Array(WORDS);
  state[0] = seed;
  for (let i = 1; i < WORDS; i++) {
    const last = state[i - 1] ^ (state[i - 1] >>> 30);
    state[i] = Math.imul(1812433253, last) + i;
  }
  let next = WORDS;

  function renew() {
    for (let i = 0; i < WORDS; i++) {
      const y = (state[i] & 0x80000000) | (state[(i + 1) % WORDS] & 0x7fffffff);
      state[i] = state[(i + SHIFT) % WORDS] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    next = 0;
  }

  return () => {
    if (next === WORDS) renew();
    let y = state[next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

/**
 * The standard normal numbers that NumPy's `RandomState(seed).randn(count)` draws, by Marsaglia's
 * polar method.
 * @param {number} seed 0 to 2**32 - 1.
 * @param {number} count
 * @returns {Float32Array} of this length.
 */
export function zOfSeed(seed, count) {
  const word = mersenneTwister(seed);
  // 53 random bits make a number from 0 to 1.
  const uniform = () => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53;
  const z = [];
  while (z.length < count) {
    let x, y, square;
    do {
      x = 2 * uniform() - 1;
      y = 2 * uniform() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const factor = Math.sqrt((-2 * Math.log(square)) / square);
    z.push(factor * y, factor * x);
  }
  return Float32Array.from(z.slice(0, count));
}

/**
 * The latent on the arc from `a` (t = 0) to `b` (t = 1), as `latent_paths.slerp` has it: at constant
 * speed along the angle, with a length that changes linearly.
 */
export function slerp(a, b, t) {
  const [lengthA, lengthB] = [length(a), length(b)];
  const unitA = a.map((x) => x / lengthA);
  const unitB = b.map((x) => x / lengthB);
  const cosine = unitA.reduce((sum, x, i) => sum + x * unitB[i], 0);
  const across = unitB.map((x, i) => x - cosine * unitA[i]);
  const sine = length(across);
  // Alike: there is nothing between them.
  if (sine === 0) return a;
  const angle = t * Math.atan2(sine, cosine);
  const size = lengthA + (lengthB - lengthA) * t;
  return unitA.map((x, i) => size * (x * Math.cos(angle) + (across[i] / sine) * Math.sin(angle)));
}

/**
 * The latent at a place in a square.
 * @param {Float32Array[]} corners Top left, top right, bottom left, bottom right.
 * @param {number} x 0 (left) to 1 (right).
 * @param {number} y 0 (top) to 1 (bottom).
 */
export function blend(corners, x, y) {
  const [topLeft, topRight, bottomLeft, bottomRight] = corners;
  return slerp(slerp(topLeft, topRight, x), slerp(bottomLeft, bottomRight, x), y);
}

function length(vector) {
  return Math.hypot(...vector);
}
