#!/usr/bin/env escript
%% -*- erlang -*-
%% Written by mqctl; edits are overwritten.
%%
%% usage: escript conf-check.escript FILE
%% Reads a rabbitmq.conf as the installed broker would: with its Cuttlefish, and the schemas of its plugins.
%% Unknown keys, bad values and bad syntax are told on stderr, exit 1; no installation to ask, exit 2.
%% No node is started and nothing is left behind: schemas inside .ez archives are read from memory.

main([File]) ->
    logger:set_primary_config(level, none),
    try
        Plugins = plugins(),
        ok = load(Plugins),
        check(schema(Plugins), File)
    of
        [] -> halt(0);
        Problems -> refuse(1, Problems)
    catch
        throw:Reason -> refuse(2, [Reason]);
        _:_:Stack -> refuse(2, [io_lib:format("the check itself failed in ~0p", [where(Stack)])])
    end;
main(_) ->
    refuse(2, ["usage: conf-check.escript FILE"]).

refuse(Code, Lines) ->
    [io:format(standard_error, "~ts~n", [Line]) || Line <- Lines],
    halt(Code).

%% Without arguments: they may hold what the file holds.
where([{Module, Function, _, _} | _]) -> {Module, Function}.

plugins() ->
    case lists:sort(filelib:wildcard("/usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins")) of
        [] -> throw("no RabbitMQ below /usr/lib/rabbitmq/lib");
        Found -> lists:last(Found)
    end.

load(Plugins) ->
    Archives = filelib:wildcard(Plugins ++ "/*.ez"),
    Inside = [filename:join([Archive, filename:basename(Archive, ".ez"), "ebin"]) || Archive <- Archives],
    code:add_pathsz(filelib:wildcard(Plugins ++ "/*/ebin") ++ Inside).

schema(Plugins) ->
    Files = [read(File) || File <- filelib:wildcard(Plugins ++ "/*/priv/schema/*.schema")],
    Archived = lists:append([unpack(Archive) || Archive <- filelib:wildcard(Plugins ++ "/*.ez")]),
    case cuttlefish_schema:strings([text(Schema) || {_, Schema} <- lists:sort(Files ++ Archived)]) of
        {errorlist, Errors} -> throw(["the broker's own schemas: " | messages(Errors)]);
        Schema -> Schema
    end.

read(File) ->
    {ok, Bytes} = file:read_file(File),
    {filename:basename(File), Bytes}.

unpack(Archive) ->
    Wanted = fun(Entry) -> filename:extension(element(2, Entry)) =:= ".schema" end,
    {ok, Entries} = zip:unzip(Archive, [memory, {file_filter, Wanted}]),
    [{filename:basename(Name), Bytes} || {Name, Bytes} <- Entries].

text(Bytes) -> unicode:characters_to_list(Bytes).

check(Schema, File) ->
    case cuttlefish_conf:files([File]) of
        {errorlist, Errors} -> messages(Errors);
        Conf -> mapped(cuttlefish_generator:map(Schema, Conf))
    end.

mapped({error, _Phase, {errorlist, Errors}}) -> messages(Errors);
mapped({error, _Phase, Error}) -> messages([Error]);
mapped(Applications) when is_list(Applications) -> [].

messages(Errors) -> [message(Error) || Error <- Errors].

message(Error) ->
    try cuttlefish_error:xlate(Error)
    catch _:_ -> io_lib:format("~0p", [Error])
    end.
