//! Pictures that tell their number by their colour.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};

const WIDTH: u32 = 96;
const HEIGHT: u32 = 96;
const THUMBNAIL: u32 = 64;

pub(super) fn png(number: u64) -> Vec<u8> {
    let mut png = Cursor::new(Vec::new());
    let picture = RgbImage::from_pixel(WIDTH, HEIGHT, colour(number));
    picture.write_to(&mut png, ImageFormat::Png).expect("memory takes it");
    png.into_inner()
}

pub(super) fn is_thumbnail_of(png: &[u8], number: u64) -> bool {
    let Ok(thumbnail) = image::load_from_memory_with_format(png, ImageFormat::Png) else { return false };
    let thumbnail = thumbnail.to_rgb8();
    thumbnail.dimensions() == (THUMBNAIL, THUMBNAIL) && thumbnail.pixels().all(|pixel| *pixel == colour(number))
}

/// One for each of 16 million numbers.
fn colour(number: u64) -> Rgb<u8> {
    let [red, green, blue, ..] = number.to_le_bytes();
    Rgb([red, green, blue])
}
