/** Every augmentation of nda.image, nda.negative and nda.video with the kinds of its dispatches. */
import type { Size } from "../laws/program.ts"

export const image: Size = { n: 4, c: 3, h: 32, w: 32 }
export const clip: Size = { n: 4, c: 3, t: 10, h: 16, w: 16 }

/** Nothing drawn and no statistic; draws and statistics first; the same with a raster in the middle. */
export const plain = "gather"
export const drawn = "sample gather"
export const rastered = "sample gather gather"

export const pictures: readonly (readonly [string, string])[] = [
  ["hflip", drawn], ["vflip", drawn], ["random_crop(32, 32, pad=4)", drawn], ["center_crop(20, 20)", plain],
  ["resize(20, 24)", plain], [`resize(20, 24, filter="nearest")`, plain], ["resized_crop(24)", drawn], ["translate", drawn],
  ["rotate", drawn], ["rotate_by(10.0)", plain], ["resample(1.0, 0.1, -0.1, 1.0)", plain], ["affine(shear=5.0)", drawn], ["perspective", drawn],
  ["color_jitter(0.2, 0.2, 0.2)", drawn], ["color_jitter(0.4, 0.4, 0.4, 0.1)", drawn], [`color_jitter(0.4, 0.4, 0.4, 0.1, order="random")`, drawn],
  ["color_jitter(brightness=0.4)", drawn], ["grayscale", plain], ["normalize(mean=[0.5, 0.4, 0.3], std=[0.2, 0.2, 0.2])", plain], ["solarize", plain],
  ["posterize(3)", plain], ["autocontrast", drawn], ["gaussian_noise", plain], ["invert", plain], ["erase(8)", drawn], ["random_erasing", drawn],
  ["gaussian_blur(5)", rastered], ["diff_color", drawn], ["diff_translation", drawn], ["diff_cutout", drawn], ["diff_augment", drawn],
  ["ada_geometry", drawn], ["ada_color", drawn], ["ada_corrupt", drawn], ["ada", drawn],
  ["jigsaw(2)", drawn], ["jigsaw(4)", drawn], ["jigsaw(2, compat=true)", drawn], ["stitch", drawn], ["stitch(compat=true)", drawn], ["mixup", drawn],
  ["cutout", drawn], ["cutout(size=10)", drawn], ["cutout(compat=true)", drawn], ["cutmix", drawn], [`cutmix(patch="third")`, drawn], ["other_picture", drawn],
  ["patch_rotate(4)", drawn], ["patch_infill(4)", drawn], ["patch_tile(low=5, high=12)", drawn], ["cutpaste", drawn], ["cutpaste_scar", drawn],
  ["shuffled_channels", drawn], ["circular_shift", drawn],
]

export const clips: readonly (readonly [string, string])[] = [
  ["video.hflip", drawn], ["video.random_crop(16, 16, pad=2)", drawn], ["video.color_jitter(0.2, 0.2, 0.2, 0.1)", drawn], ["video.gaussian_noise", plain],
  ["video.erase(4)", drawn], ["video.random_span(6)", drawn], ["video.last_frames(4)", plain], ["video.grayscale(p=0.5)", drawn], ["video.jigsaw", drawn], ["video.cutout", drawn], ["video.stitch", drawn], ["video.cutmix", drawn],
  ["video.mixup", drawn], ["video.shuffle_time", drawn], ["video.reverse_time", plain], ["video.freeze_time(4)", drawn], ["video.change_speed", drawn],
  ...["block", "frame"].flatMap((share) => ["video.hflip(S)", "video.random_crop(16, 16, pad=2, S)", "video.color_jitter(0.2, 0.2, S)", "video.grayscale(p=0.5, S)", "video.erase(4, S)", "video.jigsaw(S)", "video.cutout(S)"]
    .map((stage) => [stage.replace("S", `share="${share}"`), drawn] as const)),
]
