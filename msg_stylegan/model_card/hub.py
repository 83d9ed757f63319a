"""Sends a folder to a model hub through huggingface_hub."""


def push_folder(folder, repository, *, private, space_sdk=None):
    """Makes the repository if needed and puts the files of the folder into it, as one commit.

    Args:
        folder: Folder to send.
        repository: "OWNER/NAME".
        private: Whether a new repository is private.
        space_sdk: Kind of Space, if it is one and not a model.

    Returns:
        Address of the commit.

    Raises:
        ValueError: The package is missing, or the hub refuses or cannot be reached.
    """
    try:
        import huggingface_hub
    except ImportError as error:
        raise ValueError(
            f"--push_to_hub needs huggingface_hub ({error}). Install it by: "
            'pip install -c constraints.txt -e ".[hub]"'
        ) from error
    repo_type = "model" if space_sdk is None else "space"
    try:
        api = huggingface_hub.HfApi(library_name="msg-stylegan")
        api.create_repo(
            repository, repo_type=repo_type, space_sdk=space_sdk, private=private, exist_ok=True
        )
        commit = api.upload_folder(
            repo_id=repository,
            repo_type=repo_type,
            folder_path=folder,
            commit_message="Add a snapshot and its model card",
        )
    except Exception as error:
        # The client passes on errors of several other packages, some of many lines.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise ValueError(
            f"{folder} is complete, but could not be sent to {repository}: {reason}. "
            "Log in by `hf auth login` or set HF_TOKEN, then run: "
            f"hf upload {repository} {folder} --repo-type {repo_type}"
        ) from error
    return commit.commit_url
