"""A browser through chromedriver (W3C WebDriver), with Python's standard library alone."""

import base64
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request


class Browser:
    """One window of a headless Chromium."""

    def __init__(self, driver="chromedriver"):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.driver = subprocess.Popen(
            [driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.base = f"http://127.0.0.1:{port}"
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        for patience in range(100):
            try:
                made = self.post("/session", {"capabilities": {"alwaysMatch": wanted}})
                break
            except (urllib.error.URLError, ConnectionError):
                if patience == 99 or self.driver.poll() is not None:
                    raise
                time.sleep(0.1)
        self.base += f"/session/{made['sessionId']}"
        self.post("/timeouts", {"script": 120_000})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            request = urllib.request.Request(self.base, method="DELETE")
            urllib.request.urlopen(request, timeout=20).read()
        finally:
            self.driver.terminate()
            self.driver.wait(20)

    def post(self, path, body):
        request = urllib.request.Request(
            self.base + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            what = json.load(error)["value"]
            raise RuntimeError(f"{path}: {what['error']}: {what['message']}") from None

    def devtools(self, command, **parameters):
        return self.post("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def look(self, width, scheme):
        """From now on: a window so wide, in the colours `light` or `dark`."""
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.devtools("Emulation.setEmulatedMedia", features=features)

    def open(self, path):
        self.post("/url", {"url": path if ":" in str(path) else f"file://{path}"})

    def run(self, script, *arguments):
        return self.post("/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script, *arguments):
        """Runs a script that calls its last argument when it is done."""
        return self.post("/execute/async", {"script": script, "args": list(arguments)})

    def find(self, selector):
        found = self.post("/element", {"using": "css selector", "value": selector})
        return next(iter(found.values()))

    def click(self, selector):
        self.post(f"/element/{self.find(selector)}/click", {})

    def type(self, selector, text):
        self.post(f"/element/{self.find(selector)}/value", {"text": text})

    def clear(self, selector):
        self.run(
            "const it = document.querySelector(arguments[0]); it.value = '';it.dispatchEvent(new Event('input'))",
            selector,
        )

    def log(self):
        """What the console has said since it was asked last."""
        return self.post("/se/log", {"type": "browser"})

    def screenshot(self, path):
        shot = self.devtools("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))
