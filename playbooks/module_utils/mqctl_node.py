"""What mqctl's modules ask of a RabbitMQ node. Runs on the hosts, Python 3.9 and newer."""

from __future__ import annotations

import base64
import glob
import json
import os
import pwd
import shutil
import subprocess

from ansible.module_utils.mqctl_systemd import NotDoneError, run

USER = "rabbitmq"
SECONDS = 20

LIFE = """
Try = fun(F, Otherwise) -> try F() catch _:_ -> Otherwise end end,
Has = fun(M, F, A) -> code:ensure_loaded(M), erlang:function_exported(M, F, A) end,
Texts = fun(Atoms) -> [atom_to_binary(A, utf8) || A <- Atoms] end,
Members = case Has(rabbit_nodes, list_members, 0) of
  true -> rabbit_nodes:list_members(); false -> rabbit_mnesia:cluster_nodes(all) end,
Up = case Has(rabbit_nodes, list_running, 0) of
  true -> rabbit_nodes:list_running(); false -> rabbit_mnesia:cluster_nodes(running) end,
Apart = Try(fun() -> [N || {N, _} <- rabbit_node_monitor:partitions()] end, []),
Wanted = fun(Q) -> {_, Mirrors} = rabbit_mirror_queue_misc:suggested_queue_nodes(Q), Mirrors end,
Synced = fun(Q) -> [node(P) || P <- amqqueue:get_sync_slave_pids(Q)] end,
Leader = fun(Q) -> node(amqqueue:get_pid(Q)) end,
Automatic = fun(Q) -> rabbit_policy:get(<<"ha-sync-mode">>, Q) =:= <<"automatic">> end,
Name = fun(Q) -> {resource, V, queue, N} = amqqueue:get_name(Q), <<N/binary, " in ", V/binary>> end,
Mirrored = case Has(rabbit_mirror_queue_misc, suggested_queue_nodes, 1) of
  false -> [];
  true -> [Q || Q <- rabbit_amqqueue:list(), Try(fun() -> rabbit_mirror_queue_misc:is_mirrored(Q) end, false)]
end,
Alone = [Name(Q) || Q <- Mirrored,
  Try(fun() -> Leader(Q) =:= node() andalso Wanted(Q) =/= [] andalso Synced(Q) =:= [] end, true)],
Behind = [Name(Q) || Q <- Mirrored,
  Try(fun() -> Automatic(Q) andalso (Wanted(Q) -- Synced(Q)) =/= [] end, true)],
Discs = Try(fun() -> rabbit_mnesia:cluster_nodes(disc) end, []),
Type = Try(fun() -> atom_to_binary(rabbit_mnesia:node_type(), utf8) end, <<"disc">>),
Answer = #{running => rabbit:is_running(), members => Texts(Members), up => Texts(Up), apart => Texts(Apart),
  type => Type, discs => Texts([N || N <- Discs, lists:member(N, Up)]),
  alone => Alone, behind => Behind},
io:put_chars(["mqctl:", base64:encode(iolist_to_binary(rabbit_json:encode(Answer))), "\\n"]), ok.
"""
"""Who runs with whom. alone: queues led here without a complete mirror; behind: with an incomplete one."""

CONTENT = """
Users = [proplists:get_value(user, U) || U <- rabbit_auth_backend_internal:list_users()],
Answer = #{queues => length(rabbit_amqqueue:list()), vhosts => rabbit_vhost:list_names() -- [<<"/">>],
  users => Users -- [<<"guest">>]},
io:put_chars(["mqctl:", base64:encode(iolist_to_binary(rabbit_json:encode(Answer))), "\\n"]), ok.
"""
"""What a reset would erase."""


HELD = """
Try = fun(F, Otherwise) -> try F() catch _:_ -> Otherwise end end,
Alone = fun(Q) -> node(amqqueue:get_pid(Q)) =:= node() andalso amqqueue:get_sync_slave_pids(Q) =:= [] end,
Member = fun(Q) -> lists:member(node(), maps:get(nodes, amqqueue:get_type_state(Q))) end,
Only = fun(Q) -> case amqqueue:get_type(Q) of
  rabbit_classic_queue -> Try(fun() -> Alone(Q) end, true); _ -> Try(fun() -> Member(Q) end, true) end end,
Name = fun(Q) -> {resource, V, queue, N} = amqqueue:get_name(Q), <<N/binary, " in ", V/binary>> end,
Stays = fun(Q) -> amqqueue:is_durable(Q) andalso amqqueue:get_exclusive_owner(Q) =:= none end,
Found = [Name(Q) || Q <- rabbit_amqqueue:list(), Stays(Q), Only(Q)],
io:put_chars(["mqctl:", base64:encode(iolist_to_binary(rabbit_json:encode(#{only => Found}))), "\\n"]), ok.
"""
"""What a change of node type would erase: durable queues of which no other node has all that this one has."""


LAGGING = """
Enabled = fun(N) -> case rpc:call(N, rabbit_feature_flags, list, [enabled]) of
  Flags when is_map(Flags) -> maps:keys(Flags); _ -> [] end end,
There = lists:usort(lists:append([Enabled(N) || N <- rabbit_mnesia:cluster_nodes(running), N =/= node()])),
Answer = #{lagging => [atom_to_binary(F, utf8) || F <- There -- Enabled(node())]},
io:put_chars(["mqctl:", base64:encode(iolist_to_binary(rabbit_json:encode(Answer))), "\\n"]), ok.
"""
"""Feature flags that a running peer has enabled and this one has not; for lines on Mnesia."""


ADMINISTRATOR = """
User = base64:decode(<<"{user}">>), Password = base64:decode(<<"{password}">>),
M = rabbit_auth_backend_internal, By = <<"mqctl">>, All = <<".*">>,
Known = lists:any(fun(U) -> proplists:get_value(user, U) =:= User end, M:list_users()),
ok = case Known of
  true -> M:change_password(User, Password, By); false -> M:add_user(User, Password, By) end,
ok = M:set_tags(User, [administrator], By),
ok = M:set_permissions(User, <<"/">>, All, All, All, By),
io:put_chars(["mqctl:", base64:encode(<<"true">>), "\\n"]), ok.
"""
"""What `rabbitmqctl` does in four calls, each of which boots an Erlang of its own."""


def ask(node, expression):
    """The node's answer to an expression that prints `mqctl:` and base64 of JSON; None when there is none."""
    text = one_line(expression)
    answer = told(by_erl_call(node, text))
    return told(by_rabbitmqctl(node, text)) if answer is None else answer


def make_administrator(node, user, password):
    """Whether the node made or changed that user itself.

    Never through rabbitmqctl, in whose arguments the expression and with it the password would be.
    """
    encoded = {"user": user, "password": password}
    encoded = {name: base64.b64encode(text.encode()).decode() for name, text in encoded.items()}
    return told(by_erl_call(node, one_line(ADMINISTRATOR.format(**encoded)))) is True


def one_line(expression):
    """As both programs take it."""
    return " ".join(expression.split()) + "\n"


def told(done):
    """What a program printed for the node; None for anything else."""
    for line in done.stdout.splitlines() if done else ():
        if line.startswith("mqctl:"):
            return json.loads(base64.b64decode(line[len("mqctl:") :]))
    return None


def by_erl_call(node, text):
    """Through Erlang's own C program, in 15 ms; it reads the cookie from the broker user's file."""
    found = shutil.which("erl_call") or next(
        iter(glob.glob("/usr/lib/erlang/lib/erl_interface-*/bin/erl_call")), None
    )
    if found is None:
        return None
    try:
        account = pwd.getpwnam(USER)
        return subprocess.run(
            [found, "-sname", node, "-timeout", "8", "-fetch_stdout", "-no_result_term", "-e"],
            input=text,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            user=account.pw_uid,
            group=account.pw_gid,
            env={**os.environ, "HOME": account.pw_dir},
        )
    except (KeyError, subprocess.TimeoutExpired):
        return None


def by_rabbitmqctl(node, text):
    """Through RabbitMQ's own tool, in 0.6 s: also where erl_call is missing."""
    try:
        return run(["rabbitmqctl", "--quiet", "--timeout", "8", "-n", node, "eval", text], timeout=SECONDS)
    except NotDoneError:
        return None
