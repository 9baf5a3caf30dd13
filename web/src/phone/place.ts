/** Where the phone is, and where that lies against the fences of a post (WGS-84). */
import { reactive } from "vue";
import type { components } from "@/generated/attendance";
import type { Body } from "./store";

export interface Point {
  lon: number;
  lat: number;
}

export type Fence = components["schemas"]["CircleIn" | "PolygonIn"];

export interface Position extends Point {
  accuracy: number;
  takenAt: string;
}

const MOST_POINTS = 400;
const METRES_PER_DEGREE = 111_195;
export const place = reactive({ now: null as Position | null, refusal: "" });
let watch: number | null = null;

export function watchPlace(): void {
  if (watch !== null) return;
  if (!("geolocation" in navigator) || !window.isSecureContext) {
    place.refusal = "这个地址不能定位：要用https开头的地址打开。打卡照样可以记，会标明没有定位。";
    return;
  }
  const found = ({ coords, timestamp }: GeolocationPosition): void => {
    const { longitude: lon, latitude: lat, accuracy } = coords;
    place.now = { lon, lat, accuracy, takenAt: new Date(Math.min(timestamp, Date.now())).toISOString() };
    place.refusal = "";
  };
  const failed = (error: GeolocationPositionError): void => {
    place.refusal = error.code === 1 ? "没有允许定位。请在手机设置里允许浏览器定位；不定位也能打卡，会标明。" : "还没有定到位，请走到开阔处。";
  };
  watch = navigator.geolocation.watchPosition(found, failed, { enableHighAccuracy: true, maximumAge: 15_000, timeout: 30_000 });
}

/** The receiver uses the battery: it rests while no page needs it. */
export function restPlace(): void {
  if (watch !== null) navigator.geolocation.clearWatch(watch);
  watch = null;
}

/** The place as the API takes it; null when it is not known or older than ten minutes. */
export function describeFix(at: Date = new Date()): Body | null {
  const now = place.now;
  if (!now || at.getTime() - Date.parse(now.takenAt) > 10 * 60_000) return null;
  return { lon: Number(now.lon.toFixed(6)), lat: Number(now.lat.toFixed(6)), datum: "wgs84", accuracy_m: Math.round(now.accuracy), taken_at: now.takenAt };
}

/** Metres east and north of an origin; exact enough within a town. */
export function project(point: Point, origin: Point): [number, number] {
  const east = (point.lon - origin.lon) * METRES_PER_DEGREE * Math.cos((origin.lat * Math.PI) / 180);
  return [east, (point.lat - origin.lat) * METRES_PER_DEGREE];
}

export function outline(fence: Fence, origin: Point): [number, number][] {
  if (fence.kind === "polygon") {
    const ring = fence.coordinates[0] ?? [];
    const step = Math.ceil(ring.length / MOST_POINTS) || 1;
    return ring.filter((_, index) => index % step === 0).map(([lon, lat]) => project({ lon, lat }, origin));
  }
  const [east, north] = project(fence, origin);
  const angles = Array.from({ length: 48 }, (_, step) => (step * Math.PI) / 24);
  return angles.map((angle) => [east + fence.radius_m * Math.cos(angle), north + fence.radius_m * Math.sin(angle)]);
}

export function findCentre(fence: Fence): Point {
  if (fence.kind === "circle") return { lon: fence.lon, lat: fence.lat };
  const ring = fence.coordinates[0] ?? [];
  const mean = (values: number[]): number => values.reduce((sum, one) => sum + one, 0) / (values.length || 1);
  return { lon: mean(ring.map((one) => one[0])), lat: mean(ring.map((one) => one[1])) };
}

/** Metres from a fence's edge: negative inside. The server judges; this is what the person sees before. */
export function measureEdge(fence: Fence, point: Point): number {
  if (fence.kind === "circle") return Math.hypot(...project(point, fence)) - fence.radius_m;
  const ring = (fence.coordinates[0] ?? []).map(([lon, lat]) => project({ lon, lat }, point));
  let inside = false;
  let nearest = Infinity;
  ring.forEach(([x1, y1], index) => {
    const [x2, y2] = ring[(index + 1) % ring.length] as [number, number];
    if (y1 > 0 !== y2 > 0 && x1 - (y1 * (x2 - x1)) / (y2 - y1) > 0) inside = !inside;
    const length = (x2 - x1) ** 2 + (y2 - y1) ** 2;
    const share = length ? Math.max(0, Math.min(1, -(x1 * (x2 - x1) + y1 * (y2 - y1)) / length)) : 0;
    nearest = Math.min(nearest, Math.hypot(x1 + share * (x2 - x1), y1 + share * (y2 - y1)));
  });
  return inside ? -nearest : nearest;
}
