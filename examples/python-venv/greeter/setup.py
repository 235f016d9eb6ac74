# SPDX-License-Identifier: Apache-2.0
from setuptools import setup

setup(name="greeter", version="1.0", py_modules=["greeter"],
      entry_points={"console_scripts": ["greet=greeter:main"]})
