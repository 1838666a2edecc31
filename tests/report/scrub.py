"""Uses a report as a person does, in Chromium: keys on the scrubber, then the dark colours. Exits with 1 and a sentence
where the page does not do what it should. Usage: scrub.py PAGE SCREENSHOT.png"""

import re
import sys

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

FLAGS = ("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
         "--disable-component-update --disable-sync --window-size=1200,1600").split()


def check(condition, sentence):
    if not condition:
        sys.exit(sentence)


def luminance(colour):
    """Relative luminance of "rgb(r, g, b)", WCAG 2.1."""
    channels = [int(x) / 255 for x in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(driver):
    style = "return getComputedStyle(document.body)."
    ink, paper = (luminance(driver.execute_script(style + what)) for what in ("color", "backgroundColor"))
    return (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05), paper


def scrub(driver):
    slider = driver.find_element(By.CSS_SELECTOR, ".player input[type=range]")
    label = driver.find_element(By.CSS_SELECTOR, ".player output")
    picture = driver.find_element(By.CSS_SELECTOR, ".player .picture")
    last = int(slider.get_attribute("max"))

    def press(key, frame):
        slider.send_keys(key)
        check(label.text.startswith(f"frame {frame} "), f"after a key the label says {label.text!r}, expected frame {frame}")
        return picture.value_of_css_property("background-position")

    first, second = press(Keys.HOME, 0), press(Keys.ARROW_RIGHT, 1)
    check(first != second, "the picture does not follow the slider")
    press(Keys.ARROW_RIGHT, 2)
    check(press(Keys.ARROW_LEFT, 1) == second, "the picture is not the same on the way back")
    press(Keys.END, last)
    check(slider.get_attribute("aria-valuetext").split() == label.text.split(), "a screen reader is told something else")


def main(page, screenshot):
    options = webdriver.ChromeOptions()
    for flag in FLAGS:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options)
    try:
        driver.get("file://" + page)
        scrub(driver)
        for scheme, is_dark in (("light", False), ("dark", True)):
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                   {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
            ratio, paper = contrast(driver)
            check((paper < 0.2) == is_dark, f"the page is not {scheme}: its ground has luminance {paper:.2f}")
            check(ratio >= 4.5, f"{scheme}: contrast {ratio:.1f}, expected 4.5 (WCAG AA)")
        driver.save_screenshot(screenshot)
    finally:
        driver.quit()


main(*sys.argv[1:])
