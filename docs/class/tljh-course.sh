#!/usr/bin/env bash
# Put the course onto The Littlest JupyterHub: run as root, in the course's folder (/opt/course, say).
set -euo pipefail
cd "$(dirname "$0")/../.."

# For all users, into the hub's own user environment. Not editable: students cannot change it.
/opt/tljh/user/bin/python -m pip install --no-cache-dir ".[lab]"

# Each new user finds the notebooks in the home folder; existing ones get them now.
mkdir -p /etc/skel/course
cp notebooks/*.ipynb /etc/skel/course/
for home in /home/jupyter-*; do
  [ -d "$home" ] || continue
  owner="$(stat -c %U "$home")"
  [ -d "$home/course" ] || install -d -o "$owner" "$home/course"
  for notebook in notebooks/*.ipynb; do  # never over a student's work
    [ -e "$home/course/$(basename "$notebook")" ] ||
      install -o "$owner" -m 644 "$notebook" "$home/course/"
  done
done

install -D -m 644 docs/class/tljh-course.py /opt/tljh/config/jupyterhub_config.d/course.py
tljh-config set user_environment.default_app jupyterlab
tljh-config set limits.memory 1.5G
# The hub itself stops whole servers that are idle; its own 600 seconds are less than a discussion.
tljh-config set services.cull.timeout 3600
tljh-config reload
